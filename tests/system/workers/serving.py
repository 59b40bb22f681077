"""A real `tokend serve` with workers and an operator's listener, from a directory of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.free_ports import free_port
from tests.running import ADMIN, ADMIN_DIGEST, APP_ID, CERTIFICATE, clean_environment
from tests.system.workers.load import waits

CONFIG = """
server: {{workers: {workers}, admin: {{listen: "127.0.0.1:{admin}", key: "{key}"}}{server}}}
apps:
  demo:
    app_id: "{app_id}"
    certificate: {{file: certificate}}
    callers: {{any: {{anonymous: true, rules: [{{kinds: rtc, channel: "{channel}"}}, {{kinds: rtm}}]}}}}
{more}
"""


_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
"""


class Running:
    """The server; `log` is what it has written so far."""

    def __init__(self, directory: Path, workers: int, server: str = "") -> None:
        self.directory = directory
        self.admin = f"http://127.0.0.1:{free_port()}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._workers = workers
        self._server = server
        self.process: asyncio.subprocess.Process
        certificate = directory / "certificate"
        certificate.write_text(CERTIFICATE)
        certificate.chmod(0o600)
        self.write("demo-*")

    def write(self, channel: str, more: str = "", app_id: str = APP_ID) -> None:
        """A configuration with this pattern of channels."""
        admin = int(self.admin.rpartition(":")[2])
        text = CONFIG.format(
            workers=self._workers,
            admin=admin,
            key=ADMIN_DIGEST,
            server=self._server,
            channel=channel,
            more=more,
            app_id=app_id,
        )
        fresh = self.directory / "fresh"
        fresh.write_text(text)
        fresh.rename(self.directory / "config.yaml")

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.directory / "log").read_text().splitlines()]

    def events(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == event]

    async def ready(self) -> None:
        async with ClientSession() as session:
            for pause in waits(30):
                try:
                    async with session.get(f"{self.admin}/readyz") as answer:
                        if answer.status == 200:
                            return
                except OSError:
                    pass
                if self.process.returncode is not None:
                    break
                await asyncio.sleep(pause)
        raise AssertionError(f"not ready: {(self.directory / 'log').read_text()}")

    async def metrics(self) -> dict[str, float]:
        """Each line of the exposition, its name with labels as the key."""
        async with ClientSession() as session, session.get(f"{self.admin}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    async def reload(self) -> tuple[int, Any]:
        async with ClientSession(headers=ADMIN) as session, session.post(f"{self.admin}/-/reload") as answer:
            return answer.status, await answer.json()

    def workers(self) -> list[int]:
        """Process ids of the children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(one) for one in children.split()]

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


@asynccontextmanager
async def serving(
    directory: Path,
    workers: int,
    server: str = "",
    extra: Mapping[str, str] = {},
    descriptor: int | None = None,
    before: Sequence[str] = (),
) -> AsyncIterator[Running]:
    """`server`: more keys of `server`, each after a comma. `descriptor`: a listening socket, handed over as systemd does.

    `before`: a command that starts the one behind it, such as `prlimit`.
    """
    running = Running(directory, workers, server)
    await start(running, extra, descriptor, before)
    try:
        await running.ready()
        yield running
    finally:
        children = running.workers() if running.process.returncode is None else []
        await running.stop()
        for pause in waits():
            if not any(Path(f"/proc/{one}").exists() for one in children):
                break
            await asyncio.sleep(pause)
        else:
            raise AssertionError(f"workers were left behind: {children}")


async def start(
    running: Running, extra: Mapping[str, str] = {}, descriptor: int | None = None, before: Sequence[str] = ()
) -> None:
    """Start it, again too, on the same port."""
    command = [*before, sys.executable, "-m", "tokend", "serve", "--port", str(running.port)]
    if descriptor is not None:
        command = [sys.executable, "-c", _HAND_OVER, str(descriptor), *command]
    with (running.directory / "log").open("ab") as log:
        running.process = await asyncio.create_subprocess_exec(
            *command,
            cwd=running.directory,
            env=clean_environment({"PYTHONPATH": os.environ.get("PYTHONPATH", str(Path.cwd())), **extra}),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            pass_fds=() if descriptor is None else (descriptor,),
        )
