"""Slow clients for P11, from a process of their own: heads and bodies that drip, and answers that nobody reads."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple

import orjson
import uvloop

from soak.disturbance import many_descriptors

HEADERS: Final = 2_000
BODIES: Final = 2_000
READERS: Final = 500
CLOSED_SECONDS: Final = 6.0
GIVE_UP_SECONDS: Final = 20.0
AT_ONCE: Final = 100
"""Connections that are opened at once: a full backlog would delay them before the server sees them."""
DRIP_SECONDS: Final = 1.0
RECEIVE_BUFFER: Final = 4096
"""Bytes that the system takes for a client that does not read."""
_HEAD: Final = b"GET /demo/rtc/demo-room/publisher/uid/7/ HTTP/1.1\r\nHost: a\r\nX-Slow: "
_BODY: Final = (
    b"POST /demo/v1/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
)
_ASKS: Final = orjson.dumps({"asks": [{"kind": "rtc", "channel": "demo-room", "uid": 7}] * 100})
_BATCH: Final = (
    b"POST /demo/v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    % (len(_ASKS), _ASKS)
)


class Closed(NamedTuple):
    """Seconds after which each was closed, by what was slow; GIVE_UP_SECONDS for one that was not."""

    headers: list[float]
    bodies: list[float]
    readers: list[float]


def attack(port: int) -> Closed:
    """All of them at once, until all are closed."""
    many_descriptors(HEADERS + BODIES + READERS + 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_attack(port))


async def _attack(port: int) -> Closed:
    gate = asyncio.Semaphore(AT_ONCE)

    async def all_of(client: Callable[[socket.socket], Awaitable[None]], count: int) -> list[float]:
        return list(await asyncio.gather(*(_until_closed(port, client, gate) for _ in range(count))))

    groups = (all_of(_drips_head, HEADERS), all_of(_drips_body, BODIES), all_of(_reads_nothing, READERS))
    return Closed(*await asyncio.gather(*groups))


async def _until_closed(
    port: int, client: Callable[[socket.socket], Awaitable[None]], gate: asyncio.Semaphore
) -> float:
    """Seconds from the connection to its end."""
    loop = asyncio.get_running_loop()
    with socket.socket() as end:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        async with gate:
            await loop.sock_connect(end, ("127.0.0.1", port))
            await asyncio.sleep(0.05)
        begun = loop.time()
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await client(end)
                return loop.time() - begun
        return loop.time() - begun


async def _drips_head(end: socket.socket) -> None:
    await _drips(end, _HEAD)


async def _drips_body(end: socket.socket) -> None:
    await _drips(end, _BODY)


async def _drips(end: socket.socket, first: bytes) -> None:
    """A byte now and then; an answer, which a late body gets, is read, and after it the end."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(end, first)
    while True:
        try:
            async with asyncio.timeout(DRIP_SECONDS):
                while await loop.sock_recv(end, 4096):
                    pass
                return
        except TimeoutError:
            await loop.sock_sendall(end, b"x")


async def _reads_nothing(end: socket.socket) -> None:
    """Sends batches as long as the server takes them, until sending fails."""
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_sendall(end, _BATCH)
