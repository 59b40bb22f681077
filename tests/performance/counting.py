"""Counts the calls that a request costs: Python functions and C functions, in process, on aiohttp's own connection.

A count is the same on every machine and at any load, which no time is. It sees a layer, a check or a look-up that was
added, not how long one takes: docs/performance.md has the times.
"""

import asyncio
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from aiohttp import web

from tokend.core.interfaces import Interfaces
from tokend.http.connection_limiter import Caps, ConnectionLimiter, Deadlines
from tokend.http.handler import ActiveConfiguration, Handler, World
from tokend.issuing.configuration import Configuration
from tokend.process.worker import runner_of
from tokend.telemetry.log import JsonLog

WARM_UP: Final = 20
REQUESTS: Final = 100


class Wire(asyncio.Transport):
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = bytearray()

    def write(self, data: Any) -> None:
        self.written += data

    def writelines(self, list_of_data: Any) -> None:
        for one in list_of_data:
            self.written += one

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """The server may close what it likes."""


class Count:
    """Calls since it was made, once it is the profile function."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_call"):
            self.calls += 1


async def calls_of_door(
    configuration: Configuration, log: JsonLog, world: World, interfaces: Interfaces, request: bytes
) -> float:
    """Calls a request at the door, everything from the bytes in to the bytes out."""
    connection_limiter = ConnectionLimiter(Deadlines(), Caps(), log, world.elapsed, lambda address: False)
    return await _calls(
        runner_of(Handler(ActiveConfiguration.of(configuration, interfaces), log, world), connection_limiter), request
    )


async def calls_of_hello(handler: Callable[[web.Request], Any], request: bytes) -> float:
    """The same of a bare application with this handler."""
    app = web.Application()
    app.router.add_get("/{tail:.*}", handler)
    return await _calls(web.AppRunner(app, access_log=None), request)


async def _calls(runner: web.AppRunner | web.ServerRunner, request: bytes) -> float:
    await runner.setup()
    assert runner.server is not None
    try:
        wire, connection = Wire(), runner.server()
        connection.connection_made(wire)
        for _ in range(WARM_UP):
            await _answered(wire, connection, request)
        count = Count()
        sys.setprofile(count)
        try:
            for _ in range(REQUESTS):
                await _answered(wire, connection, request)
        finally:
            sys.setprofile(None)
        connection.connection_lost(None)
        return count.calls / REQUESTS
    finally:
        await runner.cleanup()


async def _answered(wire: Wire, connection: asyncio.Protocol, request: bytes) -> None:
    wire.written.clear()
    connection.data_received(request)
    for _ in range(100):
        await asyncio.sleep(0)
        if wire.written:
            break
    assert wire.written.startswith(b"HTTP/1.1 200 "), bytes(wire.written[:300])
    await asyncio.sleep(0)
