"""Deadlines and caps for connections. aiohttp limits neither the time for headers and writes nor the number of connections.

Every connection is in one of three queues: it waits for the head of its request, for its next request, or for our
response. Each queue is ordered by time, so only its first entries can be late. This module does not read requests.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct

from tokend.telemetry.log import JsonLog

LOOK_SECONDS: Final = 0.25
"""Seconds between two checks of the deadlines."""
LOG_SECONDS: Final = 10.0
"""The shortest time in seconds between two log lines about closed connections, so that many of them do not fill the log."""
RESERVED: Final = 64
"""File descriptors that are reserved for everything except connections."""


class Deadlines(Struct, frozen=True):
    """Deadlines in seconds. `answer` is for the whole request; each call that it awaits has its own, much shorter deadline."""

    head: float = 5.0
    body: float = 4.0  # the client then gets a response, and one second to read it
    write: float = 5.0
    answer: float = 30.0


class Caps(Struct, frozen=True):
    """The most connections of one process: in total and, if set, from one address."""

    total: int = 10_000
    per_address: int | None = None


class Connection(Protocol):
    """A client's connection. `address` is that of the peer; it is empty on a unix socket."""

    address: str

    def abort(self) -> None:
        """Close at once, whatever is unsent."""


class ConnectionLimiter:
    """Closes connections of one process that are late or too many. `elapsed` returns seconds of a monotonic clock."""

    def __init__(
        self,
        deadlines: Deadlines,
        caps: Caps,
        log: JsonLog,
        elapsed: Callable[[], float],
        trusted: Callable[[str], bool],
    ) -> None:
        """`trusted` returns whether an address is that of a trusted proxy; `per_address` does not apply to those."""
        self.deadlines = deadlines
        self.caps = caps
        self.closed: Counter[str] = Counter()
        """The number of closed connections by reason."""
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
        """The number of open connections."""
        return len(self._heads) + len(self._idle) + len(self._busy)

    @property
    def busy(self) -> int:
        """The number of connections whose request has no response yet."""
        return len(self._busy)

    def start(self) -> None:
        """Check the deadlines from now on; needs a running loop."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def joined(self, connection: Connection) -> bool:
        """Add a new connection. Returns False if a cap is reached: the caller must then close it."""
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
        """Note that part of the head of another request has arrived."""
        if self._idle.pop(connection, None) is not None:
            self._heads[connection] = self._elapsed()

    def begins_request(self, connection: Connection) -> None:
        """Note that a head is complete: the connection now waits for our response."""
        if self._heads.pop(connection, None) is not None or self._idle.pop(connection, None) is not None:
            self._busy[connection] = self._elapsed()

    def answered(self, connection: Connection) -> None:
        """Note that the response is written or buffered: the connection now waits for the next request."""
        if self._busy.pop(connection, None) is not None:
            self._idle[connection] = self._elapsed()

    def stalls(self, connection: Connection) -> None:
        """Note that the client does not read what is written."""
        self._stalled[connection] = self._elapsed()

    def flows(self, connection: Connection) -> None:
        """Note that the client has read everything that was written."""
        self._stalled.pop(connection, None)

    def left(self, connection: Connection) -> None:
        """Remove a closed connection."""
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
        """Close the connection that has waited longest without a request in progress; False if there is none."""
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
