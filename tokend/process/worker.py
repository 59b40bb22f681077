"""Serves the application on a listening socket, behind the connection limiter, in one process.

`single_process.py` runs one worker, `multi_process.py` several.
"""

import asyncio
import socket
from typing import Final

from tokend.adapters.resources import CannotStart
from tokend.adapters.system import SYSTEM_CLOCK, SYSTEM_NONCES
from tokend.app import application_of
from tokend.config.isolation import Isolated
from tokend.config.loading import Files, Source
from tokend.core.listening import Listen
from tokend.http.connection_limiter import Caps, ConnectionLimiter, Deadlines
from tokend.http.control import Control
from tokend.http.handler import EndpointHandler
from tokend.http.server import LAST_REQUEST_SECONDS, LimitedRunner
from tokend.process.sockets import address_of
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Snapshot

DRAIN_SECONDS: Final = 10.0
"""The longest time to wait for requests in progress while stopping."""


class Worker:
    """Create it in a running loop. `control` is that of the application; reloads use it."""

    def __init__(
        self,
        isolated: Isolated,
        listener: socket.socket,
        log: JsonLog,
        caps: Caps,
        source: Source | None = None,
        files: Files | None = None,
    ) -> None:
        """`source` and `files`: where the configuration came from; needed only by a process that reloads by itself."""
        self._listener = listener
        self._log = log
        listen = address_of(listener) or Listen()  # a unix socket is as local as the loopback address
        self.control = Control(isolated, SYSTEM_CLOCK, SYSTEM_NONCES, log, source=source, files=files, listen=listen)
        self._connection_limiter = ConnectionLimiter(
            Deadlines(), caps, log, SYSTEM_CLOCK.monotonic, self.control.is_proxy
        )
        handler = EndpointHandler(self.control)
        app = application_of(self.control, handler)
        self._runner = LimitedRunner(app, handler.unreadable, self._connection_limiter)

    async def start(self, *, only_ready: bool = False) -> None:
        """Accept connections on the listener. Raises `CannotStart` if a file or an address cannot be used.

        `only_ready`: also if it would not be ready. Nothing is accepted then.
        """
        await self._runner.set_up()
        try:
            await self.control.first_look()
            if only_ready and (reasons := self.control.not_ready_reasons()):
                raise CannotStart(f"it would not be ready: {'; '.join(reasons)}")
        except BaseException:  # also of a start that is cancelled
            await self._runner.cleanup()
            raise
        await self._runner.accept(self._listener)

    def snapshot(self) -> Snapshot:
        """The process's metrics."""
        closed = self._connection_limiter.closed.items()
        return self.control.snapshot(
            {
                "tokend_connections": {(): float(self._connection_limiter.open)},
                "tokend_log_lines_dropped": {(): float(self._log.dropped_lines)},
                "tokend_connections_closed": {(reason,): float(count) for reason, count in closed},
            }
        )

    async def stop(self, delay: float) -> None:
        """Report not ready, serve for `delay` more seconds, accept nothing more, finish the requests in progress, and close."""
        self.control.drain()
        await asyncio.sleep(delay)
        await self._runner.stop_accepting()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while (self._connection_limiter.open and loop.time() < begun + LAST_REQUEST_SECONDS) or (
            self._connection_limiter.busy and loop.time() < begun + DRAIN_SECONDS
        ):
            await asyncio.sleep(0.02)
        await self._runner.cleanup()
