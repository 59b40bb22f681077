"""Keeps long batches from blocking the event loop, so that short requests are answered in between."""

import asyncio


class BatchScheduler:
    """Lets one batch of the process continue in each iteration of the event loop, first come, first served.

    Must be created in a running loop.
    """

    def __init__(self) -> None:
        self._queue = asyncio.Lock()

    async def wait_for_turn(self) -> None:
        """Wait until the batches that came before have continued, and for at least one iteration of the loop."""
        async with self._queue:
            await asyncio.sleep(0)
