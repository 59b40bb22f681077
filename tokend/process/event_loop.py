"""The event loop of a server process. It handles few connections in one iteration, so that many cannot hold memory at once."""

import asyncio
import selectors
from collections import deque
from typing import Final

EVENTS_AT_ONCE: Final = 64
"""The most connections that are read in one iteration. asyncio alone reads from all that are ready before it answers any."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop with a `BoundedSelector`."""
    return asyncio.SelectorEventLoop(BoundedSelector())


class BoundedSelector(selectors.DefaultSelector):
    """Returns at most `EVENTS_AT_ONCE` events. The others that were ready come next, before the system is asked again."""

    def __init__(self) -> None:
        super().__init__()
        self._ready: deque[tuple[selectors.SelectorKey, int]] = deque()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The events that are ready. `timeout`: the longest wait in seconds if none is; None: no limit."""
        if not self._ready:
            found = super().select(timeout)
            if len(found) <= EVENTS_AT_ONCE:
                return found
            self._ready.extend(found)
        registered = self.get_map()
        events: list[tuple[selectors.SelectorKey, int]] = []
        while self._ready and len(events) < EVENTS_AT_ONCE:
            key, mask = self._ready.popleft()
            if registered.get(key.fd) is key:  # an earlier event may have closed it, or changed what it waits for
                events.append((key, mask))
        return events
