"""When Python's garbage collector runs. A collection stops the event loop until it has examined each of its objects."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SELDOM: Final = (2_000, 20, 25)
"""The thresholds of a process that serves. Requests leave few cycles (docs/decisions/0016), so a full collection, which takes
0.1 s with 4,500 connections, can wait for a million surviving objects."""
MANY: Final = 100_000
"""Objects, those of some 1,500 apps. Examining them takes 30 ms."""


def collect_seldom() -> None:
    """Make full collections rare. Call it after everything is loaded: those objects are never examined again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


@contextmanager
def paused_collector() -> Iterator[None]:
    """Run no collections while a configuration of many apps is built: nothing of it is garbage yet.

    It is freed without them later, too, since it contains no cycles. In a process that collects seldom, a large one is therefore
    never examined.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        if gc.get_threshold() == SELDOM and gc.get_count()[0] > MANY:
            gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
