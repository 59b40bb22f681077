"""Tells what ends a task from what a plug-in raises, such as a `CancelledError` of its own or a panic of a library in Rust."""

import asyncio


def ends_task(error: BaseException) -> bool:
    """Whether an exception ends the task that runs: its cancellation, Ctrl-C, or that its coroutine is closed.

    Anything else is a bug of whoever raised it.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt | GeneratorExit)
