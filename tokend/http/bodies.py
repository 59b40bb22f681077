"""Reads bodies of requests, and bounds the bytes of all bodies that have begun to arrive in this process."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import StreamReader

from tokend.core.errors import ApiError, Code

BUDGET: Final = 16 * 1024 * 1024
"""The most bytes of all unfinished bodies of a process: a thousand of the usual limit."""
_RETRY_SECONDS: Final = 1.0


class _Arriving:
    """A body of which a part has arrived. `displaced`: whether it made room for others."""

    def __init__(self, deadline: asyncio.Timeout) -> None:
        self.deadline = deadline
        self.size = 0
        self.displaced = False


class BodyReader:
    """Reads bodies. If the unfinished ones exceed the budget, the oldest of them fail: honest clients send theirs at once."""

    def __init__(self, on_displaced: Callable[[], None], budget: int = BUDGET) -> None:
        """`on_displaced` is called for each body that fails because of the budget, in bytes."""
        self._on_displaced = on_displaced
        self._budget = budget
        self._arriving: dict[_Arriving, None] = {}
        self._held = 0

    async def read(self, content: StreamReader, limit: int, seconds: float) -> bytes:
        """The body, or a part of it that exceeds `limit` bytes.

        Raises `TimeoutError` if it is not complete after `seconds`, and `ApiError` (503) if it had to make room.
        """
        if content.is_eof():
            return await read_all(content, limit)
        deadline = asyncio.timeout(seconds)
        arriving = _Arriving(deadline)
        try:
            async with deadline:
                self._arriving[arriving] = None
                return await read_all(content, limit, lambda size: self._grow(arriving, size))
        except TimeoutError:
            if arriving.displaced:
                sentence = "too many bodies are being received: send this again, faster"
                raise ApiError(Code.UNAVAILABLE, sentence, retry_after=_RETRY_SECONDS) from None
            raise
        finally:
            self._forget(arriving)

    def _grow(self, arriving: _Arriving, size: int) -> None:
        if arriving not in self._arriving:
            return
        arriving.size += size
        self._held += size
        while self._held > self._budget:
            oldest = next(iter(self._arriving))
            self._forget(oldest)
            if not oldest.deadline.expired():
                oldest.displaced = True
                oldest.deadline.reschedule(0.0)
                self._on_displaced()

    def _forget(self, arriving: _Arriving) -> None:
        if arriving in self._arriving:
            del self._arriving[arriving]
            self._held -= arriving.size


async def read_all(content: StreamReader, limit: int, on_piece: Callable[[int], None] = lambda size: None) -> bytes:
    """All that there is, or a part of it that exceeds `limit` bytes. `on_piece` gets the size of each piece that arrives."""
    body = bytearray()
    while len(body) <= limit and (piece := await content.readany()):
        body += piece
        on_piece(len(piece))
    return bytes(body)
