"""Tells the cancellation of a task from a `CancelledError` that a plug-in raises."""

import asyncio


def is_cancelled(error: BaseException) -> bool:
    """Whether an exception comes from a cancellation of the task that runs. Anything else is a bug of whoever raised it."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
