"""The application behind the connection limiter, as `tokend serve` runs it, in the test's own process."""

import io
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec.json

from tests.unit.http.running import WORLD, World, application
from tests.unit.http.wire import Reply, request_bytes, send_raw
from tokend.core.interfaces import Interfaces
from tokend.http.connection_limiter import Caps, ConnectionLimiter, Deadlines
from tokend.http.control import Control
from tokend.http.server import LimitedRunner
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog, LibraryHandler


class Limited:
    """A server that listens; `log` is what it wrote."""

    def __init__(self, control: Control, connection_limiter: ConnectionLimiter, port: int, log: io.BytesIO) -> None:
        self.control = control
        self.connection_limiter = connection_limiter
        self.port = port
        self.log = log

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.log.getvalue().splitlines()]

    async def send(self, raw: bytes) -> Reply:
        """The answer to these bytes, on a connection of their own."""
        return await send_raw(self.port, raw)

    async def token_request(
        self, method: str, target: str, body: bytes | dict[str, Any] | None = None, /, *headers: tuple[str, str]
    ) -> Reply:
        """A request with these headers, which may stand twice; a dict goes as JSON."""
        content = msgspec.json.encode(body) if isinstance(body, dict) else body
        return await self.send(request_bytes(method, target, content, *headers))


@asynccontextmanager
async def serving_limited(
    configuration: Configuration | str,
    world: World = WORLD,
    interfaces: Interfaces = Interfaces(),
    deadlines: Deadlines = Deadlines(),
    caps: Caps = Caps(),
) -> AsyncIterator[Limited]:
    """A server on a free port."""
    stream = io.BytesIO()
    log = JsonLog(stream, world.clock)
    library_handler = LibraryHandler(log)
    logging.getLogger().addHandler(library_handler)
    control, handler, app = application(configuration, world, interfaces, deadlines, log)
    limiter = ConnectionLimiter(deadlines, caps, log, time.monotonic, lambda address: False)
    runner = LimitedRunner(app, handler.unreadable, limiter)
    listener = socket.create_server(("127.0.0.1", 0))
    await runner.start(listener)
    try:
        yield Limited(control, limiter, listener.getsockname()[1], stream)
    finally:
        await runner.cleanup()
        logging.getLogger().removeHandler(library_handler)
