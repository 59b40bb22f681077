"""The server as one process: it answers requests, and is its own operator's listener too."""

import asyncio
import socket

from tokend.adapters.resources import CannotStart
from tokend.config.loading import Files
from tokend.issuing.configuration import Configuration
from tokend.process.control import LaunchOptions
from tokend.process.reloader import Reloader
from tokend.process.runtime import answer_first, caps_of, seldom_collect
from tokend.process.worker import Worker
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Snapshot


class SingleProcessServer:
    """A `Fleet` of one. Made in a running loop."""

    def __init__(self, start: LaunchOptions, log: JsonLog) -> None:
        """`CannotStart` where the descriptor limit is below what `server.connections` asks for."""
        self._log = log
        self._worker = Worker(log, caps_of(start.configuration.server))
        metrics = self._worker.metrics
        self.reloader = Reloader(
            start.source, start.configuration, start.files, self._install, log, metrics, start.warnings_of
        )

    async def start(self, listener: socket.socket) -> None:
        """Answer on the listener; `CannotStart` where a file of the server's own cannot be used."""
        await self._worker.start(self.reloader.configuration, listener)
        seldom_collect()
        answer_first()

    async def _install(self, configuration: Configuration, files: Files) -> list[str]:
        try:
            self._worker.prepare(configuration)
        except CannotStart as error:
            return [str(error)]
        self._worker.commit()
        return []

    async def snapshot(self) -> Snapshot:
        return self._worker.snapshot()

    def not_ready_reasons(self) -> list[str]:
        return self._worker.not_ready_reasons()

    def alive(self, now: float) -> bool:
        return True  # it runs in the loop that asks

    def reopen_audit(self) -> None:
        self._worker.reopen_audit()

    async def replace_workers(self) -> None:
        self._log.event("warning", "warning", message="one process serves alone: there is no worker to replace")

    async def stop(self, delay: float) -> None:
        await asyncio.shield(self._worker.stop(delay))
