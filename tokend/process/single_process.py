"""The server as one process: it answers requests, and runs the admin listener too."""

import socket

from tokend.config.collector import collect_seldom
from tokend.http.reloader import Reloader
from tokend.process.control import LaunchOptions
from tokend.process.runtime import caps_of, prefer_event_loop
from tokend.process.worker import Worker
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Snapshot


class SingleProcessServer:
    """A `ServerHandle` of one process. Made in a running loop."""

    def __init__(self, start: LaunchOptions, log: JsonLog, listener: socket.socket) -> None:
        """Raises `CannotStart` if the descriptor limit is below `server.connections`."""
        self._log = log
        caps = caps_of(start.configuration.options.server)
        self._worker = Worker(start.isolated, listener, log, caps, start.source, start.files)
        reloader = self._worker.control.reloader
        if reloader is None:
            raise RuntimeError("a configuration with a source has a reloader")
        self.reloader: Reloader = reloader

    async def start(self) -> None:
        """Answer on the listener; `CannotStart` where a file or an address cannot be used."""
        await self._worker.start()
        collect_seldom()
        prefer_event_loop()

    async def snapshot(self) -> Snapshot:
        return self._worker.snapshot()

    def not_ready_reasons(self) -> list[str]:
        return self._worker.control.not_ready_reasons()

    def alive(self, now: float) -> bool:
        return True  # it runs in the loop that asks

    def reopen_audit(self) -> None:
        self._worker.control.reopen_audit()

    async def replace_workers(self) -> None:
        self._log.event("warning", "warning", message="one process serves alone: there is no worker to replace")

    async def stop(self, delay: float) -> None:
        await self._worker.stop(delay)
