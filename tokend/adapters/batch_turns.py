"""Long work in parts: one part of it in a turn of the event loop, so that short requests are answered in between."""

import asyncio


class BatchScheduler:
    """All batches of a process queue for the next turn, first come first served. Made in a running loop."""

    def __init__(self) -> None:
        self._queue = asyncio.Lock()

    async def next(self) -> None:
        async with self._queue:
            await asyncio.sleep(0)
