"""The application behind the connection limiter, as `tokend serve` runs it, in the test's own process."""

import io
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.in_process import InProcessServer, logged
from tests.unit.http.running import WORLD, World, application
from tokend.core.interfaces import Interfaces
from tokend.http.connection_limiter import Caps, ConnectionLimiter, Deadlines
from tokend.http.control import Control
from tokend.http.server import LimitedRunner
from tokend.issuing.configuration import Configuration


class Limited(InProcessServer):
    """A server behind `connection_limiter`."""

    def __init__(self, control: Control, connection_limiter: ConnectionLimiter, port: int, log: io.BytesIO) -> None:
        super().__init__(control, port, log)
        self.connection_limiter = connection_limiter


@asynccontextmanager
async def serving_limited(
    configuration: Configuration | str,
    world: World = WORLD,
    interfaces: Interfaces = Interfaces(),
    deadlines: Deadlines = Deadlines(),
    caps: Caps = Caps(),
) -> AsyncIterator[Limited]:
    """A server on a free port."""
    with logged(world.clock) as (log, stream):
        control, handler, app = application(configuration, world, interfaces, deadlines, log)
        limiter = ConnectionLimiter(deadlines, caps, log, time.monotonic, lambda address: False)
        runner = LimitedRunner(app, handler.unreadable, limiter)
        listener = socket.create_server(("127.0.0.1", 0))
        await runner.start(listener)
        try:
            yield Limited(control, limiter, listener.getsockname()[1], stream)
        finally:
            await runner.cleanup()
