"""tokend run by aiohttp's own `web.run_app`, as somebody who embeds it would start it."""

import asyncio
import json
import sys
import urllib.request
from pathlib import Path

from tests.free_ports import free_port
from tests.running import DEMO, ROOT, clean_environment
from tests.system.workers.load import waits

_PROGRAM = """
import sys
from aiohttp import web
from tokend import create_app
web.run_app(create_app("config.yaml"), host="127.0.0.1", port=int(sys.argv[1]), access_log=None)
"""
_BODY = b'{"kind": "rtc", "channel": "demo-room", "uid": 7}'


async def test_the_shipped_configuration_is_served_by_run_app(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, str(port)),
        cwd=tmp_path,
        env=clean_environment({**DEMO, "PYTHONPATH": str(ROOT)}),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        for pause in waits(20):
            await asyncio.sleep(pause)
            try:
                answer = await asyncio.to_thread(_token, port)
            except OSError:
                continue
            break
        assert answer["token"].startswith("007")
    finally:
        process.terminate()
        _, log = await process.communicate()
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [200]
    assert process.returncode == 0


def _token(port: int) -> dict[str, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/demo/v1/token", _BODY, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        found: dict[str, str] = json.loads(answer.read())
    return found
