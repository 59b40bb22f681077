"""SIGTERM: a request that has begun is answered, and the exit code is 0."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.unit.http.running import APP_ID, CERTIFICATE
from tests.unit.http.wire import read_reply, request_bytes
from tokend.process.child_command import child_command

_HANGING: Final = """
import asyncio, threading, time
from tokend.process.event_loop import run
from tokend.telemetry.log import queued_standard_error

async def main():
    asyncio.create_task(asyncio.to_thread(threading.Event().wait))
    await asyncio.sleep(0.05)

run(main(), queued_standard_error(time.time), 0.2)
"""


async def _stream(port: int, stop: asyncio.Event) -> list[int]:
    """Requests whose bodies come slowly, one after the other, until the server closes."""
    statuses = []
    while not stop.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b'{"tokenType": "rtm", "uid": "ada"}'
        raw = request_bytes("POST", "/getToken", body)
        writer.write(raw[:-10])
        await asyncio.sleep(0.15)
        writer.write(raw[-10:])
        statuses.append((await read_reply(reader)).status)
        writer.close()
    return statuses


async def test_sigterm_answers_what_was_begun_and_exits_0(tmp_path: Path) -> None:
    environment = {**os.environ, "APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tokend", "serve", "--port", "0"),
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        first = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        port = int(first.rsplit(":", 1)[1])
        stop = asyncio.Event()
        streams = [asyncio.create_task(_stream(port, stop)) for _ in range(4)]
        await asyncio.sleep(0.4)
        stop.set()
        await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
        for statuses in await asyncio.gather(*streams):
            assert len(statuses) >= 2
            assert set(statuses) == {200}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_a_thread_that_never_ends_does_not_keep_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", _HANGING], capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 0
    assert "a thread did not end" in ended.stderr


def test_a_worker_that_starts_goes_on_after_an_interrupt(tmp_path: Path) -> None:
    """Ctrl-C reaches all processes of a terminal: the parent ends its workers. Each printed a traceback."""
    module = tmp_path / "tokend/process/worker_main.py"
    module.parent.mkdir(parents=True)
    for package in (module.parent, module.parent.parent):
        (package / "__init__.py").touch()
    module.write_text("import signal\nsignal.raise_signal(signal.SIGINT)\ndef main(*descriptors): print('started')\n")
    *python, path, first, second = child_command((0, 1))
    command = [*python, json.dumps([str(tmp_path), *json.loads(path)]), first, second]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "started\n", "")
