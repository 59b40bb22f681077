"""A timeout for calls to other services and processes that does not count the time in which this process itself was late.

If the process gets no CPU, its event loop is busy, or the machine was suspended, a deadline passes although the other side may
have answered in time: the answer may already be in the socket. That must not count as a failure of the other side.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

_T = TypeVar("_T")

INTERVALS: Final = 10
"""The timeout is divided into this many intervals. An interval that ends late still counts only its planned length."""


async def loop_timeout(seconds: float, awaitable: Awaitable[_T]) -> _T:
    """The result of `awaitable`; `TimeoutError` after `seconds` in which the event loop was on time."""
    loop, timeout = asyncio.get_running_loop(), asyncio.timeout(None)
    timer: asyncio.TimerHandle

    def end_interval(intervals_left: int) -> None:
        nonlocal timer
        if intervals_left:
            timer = loop.call_later(seconds / INTERVALS, end_interval, intervals_left - 1)
        else:
            timeout.reschedule(loop.time())

    timer = loop.call_later(seconds / INTERVALS, end_interval, INTERVALS - 1)
    try:
        async with timeout:
            return await awaitable
    finally:
        timer.cancel()
