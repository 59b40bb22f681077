"""Deadlines and caps of connections: aiohttp has none for headers, for writing, or for how many there may be.

Every connection stands in one of three queues, by what is waited for: its request's head, its next request, or our
answer. Each queue is in the order of time, so that a look at its front tells whether anything is late. Knows no requests.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct

from tokend.telemetry.log import JsonLog

LOOK_SECONDS: Final = 0.25
"""How often the deadlines are looked at."""
LOG_SECONDS: Final = 10.0
"""The shortest time between two log lines about closed connections: a flood of them must not fill the log."""
RESERVED: Final = 64
"""File descriptors that are kept for everything but connections."""


class Deadlines(Struct, frozen=True):
    """Seconds. `answer` is for the whole request: what is awaited on its way has deadlines of its own, far below."""

    head: float = 5.0
    body: float = 4.0  # its sender gets an answer, and one second to read it
    write: float = 5.0
    answer: float = 30.0


class Caps(Struct, frozen=True):
    """How many connections one process holds, in all and, if set, from one address."""

    total: int = 10_000
    per_address: int | None = None


class Connection(Protocol):
    """One client's connection. `address`: of the peer; empty where it has none, as on a unix socket."""

    address: str

    def abort(self) -> None:
        """Close at once, whatever is unsent."""


class ConnectionLimiter:
    """Watches the connections of one process. `elapsed`: seconds that only go forward."""

    def __init__(
        self,
        deadlines: Deadlines,
        caps: Caps,
        log: JsonLog,
        elapsed: Callable[[], float],
        trusted: Callable[[str], bool],
    ) -> None:
        """`trusted`: whether an address is a proxy's, to which `per_address` does not apply."""
        self.deadlines = deadlines
        self.caps = caps
        self.closed: Counter[str] = Counter()
        """How many connections were closed, by reason."""
        self._log = log
        self._elapsed = elapsed
        self._trusted = trusted
        self._heads: dict[Connection, float] = {}
        self._idle: dict[Connection, float] = {}
        self._busy: dict[Connection, float] = {}
        self._stalled: dict[Connection, float] = {}
        self._addresses: Counter[str] = Counter()
        self._logged: Counter[str] = Counter()
        self._logged_at = -LOG_SECONDS
        self._timer: asyncio.TimerHandle | None = None

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._heads) + len(self._idle) + len(self._busy)

    @property
    def busy(self) -> int:
        """How many of them have a request that is not answered yet."""
        return len(self._busy)

    def start(self) -> None:
        """Look at the deadlines from now on; needs a running loop."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def joined(self, connection: Connection) -> bool:
        """A new connection; False: there is no room for it, and it must be closed."""
        address = connection.address
        if address and self.caps.per_address is not None and not self._trusted(address):
            if self._addresses[address] >= self.caps.per_address:
                self.closed["address_cap"] += 1
                return False
            self._addresses[address] += 1
        if self.open >= self.caps.total and not self._evict():
            self.closed["cap"] += 1
            self._forget(connection)
            return False
        self._heads[connection] = self._elapsed()
        return True

    def begins_head(self, connection: Connection) -> None:
        """The first bytes of another request came, not all of its head."""
        if self._idle.pop(connection, None) is not None:
            self._heads[connection] = self._elapsed()

    def begins_request(self, connection: Connection) -> None:
        """A head is complete: it is our turn."""
        if self._heads.pop(connection, None) is not None or self._idle.pop(connection, None) is not None:
            self._busy[connection] = self._elapsed()

    def answered(self, connection: Connection) -> None:
        """The answer is written, or waits to be: it is the client's turn."""
        if self._busy.pop(connection, None) is not None:
            self._idle[connection] = self._elapsed()

    def stalls(self, connection: Connection) -> None:
        """The client does not take what is written."""
        self._stalled[connection] = self._elapsed()

    def flows(self, connection: Connection) -> None:
        """The client took it all."""
        self._stalled.pop(connection, None)

    def left(self, connection: Connection) -> None:
        """The connection is closed."""
        for queue in (self._heads, self._idle, self._busy, self._stalled):
            if queue.pop(connection, None) is not None and queue is not self._stalled:
                self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        address = connection.address
        if address in self._addresses:
            self._addresses[address] -= 1
            if self._addresses[address] <= 0:
                del self._addresses[address]

    def _evict(self) -> bool:
        """Make room: the connection that has been of no use for the longest time goes."""
        for queue in (self._heads, self._idle):
            for connection in queue:
                self.closed["cap"] += 1
                self.left(connection)
                connection.abort()
                return True
        return False

    def _look(self) -> None:
        now = self._elapsed()
        self._close_late(self._heads, now - self.deadlines.head, "head")
        self._close_late(self._stalled, now - self.deadlines.write, "write")
        self._close_late(self._busy, now - self.deadlines.answer, "answer")
        if self.closed != self._logged and now - self._logged_at >= LOG_SECONDS:
            self._log.event("connections", "warning", closed=dict(self.closed - self._logged), open=self.open)
            self._logged, self._logged_at = self.closed.copy(), now
        self.start()

    def _close_late(self, queue: dict[Connection, float], before: float, reason: str) -> None:
        late = []
        for connection, since in queue.items():
            if since > before:
                break
            late.append(connection)
        for connection in late:
            self.closed[reason] += 1
            self.left(connection)
            connection.abort()
