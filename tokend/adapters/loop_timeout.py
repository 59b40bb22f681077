"""Waits for somebody else, in time that counts only while the event loop is there to see the answer.

A process that waits for a processor, or whose loop is busy, finds a deadline passed that nobody has missed: the answer may
lie in the socket, or the other side may have stood still too. It must not be taken for the other side's failure.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

_T = TypeVar("_T")

LOOKS: Final = 10
"""Into so many parts the time is cut. One that lasts longer than it should counts as one part all the same."""


async def within(seconds: float, wanted: Awaitable[_T]) -> _T:
    """What it gives; `TimeoutError` after so many seconds of a loop that is never late."""
    loop, limit = asyncio.get_running_loop(), asyncio.timeout(None)
    timer: asyncio.TimerHandle

    def look(left: int) -> None:
        nonlocal timer
        if left:
            timer = loop.call_later(seconds / LOOKS, look, left - 1)
        else:
            limit.reschedule(loop.time())

    timer = loop.call_later(seconds / LOOKS, look, LOOKS - 1)
    try:
        async with limit:
            return await wanted
    finally:
        timer.cancel()
