"""Slow clients for P11, from a process of their own: heads and bodies that drip, and answers that nobody reads."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec.json

from tests.long.disturbance import many_descriptors

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
SEND_BUFFER: Final = 16 * 1024
"""Bytes that it holds of what the server does not take; more would only keep this machine busy."""
_HEAD: Final = b"GET /demo/rtc/demo-room/publisher/uid/7/ HTTP/1.1\r\nHost: a\r\nX-Slow: "
_BODY: Final = (
    b"POST /demo/v1/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
)
_ASKS: Final = msgspec.json.encode({"requests": [{"kind": "rtc", "channel": "demo-room", "uid": 7}] * 100})
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
    gc.disable()  # a pause here would look like the server's
    with asyncio.Runner() as runner:
        return runner.run(_attack(port))


class _Slow:
    """One slow client. `since`: when it began to be slow, in seconds of the loop."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.loop = asyncio.get_running_loop()
        self.since = self.loop.time()


_Behaviour = Callable[[_Slow], Awaitable[None]]


async def _attack(port: int) -> Closed:
    authenticator = asyncio.Semaphore(AT_ONCE)

    async def all_of(behaviour: _Behaviour, count: int) -> list[float]:
        return list(await asyncio.gather(*(_until_closed(port, behaviour, authenticator) for _ in range(count))))

    groups = (all_of(_drips_head, HEADERS), all_of(_drips_body, BODIES), all_of(_reads_nothing, READERS))
    return Closed(*await asyncio.gather(*groups))


async def _until_closed(port: int, behaviour: _Behaviour, authenticator: asyncio.Semaphore) -> float:
    """Seconds from when it is slow to its connection's end."""
    with socket.socket() as end:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        async with authenticator:
            await asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", port))
            await asyncio.sleep(0.05)
        slow = _Slow(end)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await behaviour(slow)
        return slow.loop.time() - slow.since


async def _drips_head(slow: _Slow) -> None:
    await _drips(slow, _HEAD)


async def _drips_body(slow: _Slow) -> None:
    await _drips(slow, _BODY)


async def _drips(slow: _Slow, first: bytes) -> None:
    """A byte now and then; an answer, which a late body gets, is read, and after it the end."""
    await slow.loop.sock_sendall(slow.end, first)
    while True:
        try:
            async with asyncio.timeout(DRIP_SECONDS):
                while await slow.loop.sock_recv(slow.end, 4096):
                    pass
                return
        except TimeoutError:
            await slow.loop.sock_sendall(slow.end, b"x")


async def _reads_nothing(slow: _Slow) -> None:
    """Sends batches as long as the server takes them, until sending fails. It is slow once an answer lies unread."""

    def answered() -> None:
        slow.since = slow.loop.time()
        slow.loop.remove_reader(slow.end)

    slow.loop.add_reader(slow.end, answered)
    try:
        while True:
            await slow.loop.sock_sendall(slow.end, _BATCH)
    finally:
        slow.loop.remove_reader(slow.end)
