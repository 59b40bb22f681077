"""The event loop of a server process. It handles few connections in one iteration, so that many cannot hold memory at once.

Names of hosts are looked up in threads of their own. A name server that does not answer holds such a thread for up to half a
minute: in asyncio's few threads a reload would have to wait for them, and so would the end of the process.
"""

import asyncio
import errno
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final

from tokend.telemetry.log import JsonLog

EVENTS_AT_ONCE: Final = 64
"""The most connections that are read in one iteration. asyncio alone reads from all that are ready before it answers any."""
LOOKUPS: Final = 64
"""The most names that are looked up at the same time. Further ones wait."""
THREAD_SECONDS: Final = 3.0
"""How long the end of a process waits for threads, such as one in which a package's backend hangs during a reload."""


def run(main: Coroutine[Any, Any, None], log: JsonLog, thread_seconds: float = THREAD_SECONDS) -> None:
    """Run to the end, and wait no longer than `thread_seconds` for threads that are left. Raises what `main` raises."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main)
        end = threading.Timer(thread_seconds, _end_without_threads, (log,))
        end.daemon = True
        with suppress(RuntimeError):  # no thread can be started
            end.start()
    end.cancel()


def _end_without_threads(log: JsonLog) -> None:
    """End the process, whose files and connections are closed already."""
    log.event_from_thread("warning", "warning", message="a thread did not end: the process ends without it")
    log.close()
    os._exit(0)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop with a `BoundedSelector`."""
    return _EventLoop(BoundedSelector())


class _EventLoop(asyncio.SelectorEventLoop):
    def __init__(self, selector: selectors.BaseSelector) -> None:
        super().__init__(selector)
        self._lookups = asyncio.Semaphore(LOOKUPS)

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """See `socket.getaddrinfo`."""
        await self._lookups.acquire()
        found: asyncio.Future[Any] = self.create_future()
        look_up = partial(socket.getaddrinfo, host, port, **options)
        try:
            threading.Thread(target=self._look_up, args=(look_up, found), name="dns", daemon=True).start()
        except RuntimeError as error:
            self._lookups.release()
            raise OSError(errno.EAGAIN, "no thread can be started") from error
        return await found

    def _look_up(self, look_up: Callable[[], Any], found: "asyncio.Future[Any]") -> None:
        addresses, error = None, None
        try:
            addresses = look_up()
        except Exception as raised:  # noqa: BLE001  # whoever waits gets it
            error = raised
        with suppress(RuntimeError):  # the loop has ended
            self.call_soon_threadsafe(self._looked_up, found, addresses, error)

    def _looked_up(self, found: "asyncio.Future[Any]", addresses: Any, error: Exception | None) -> None:
        """Only now may another lookup begin: the thread of one that nobody waits for any more goes on."""
        self._lookups.release()
        if found.done():
            return
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)


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
