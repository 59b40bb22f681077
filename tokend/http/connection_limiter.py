"""Deadlines and caps for connections. aiohttp limits neither the time for headers and writes nor the number of connections.

Every connection is in one of three queues: it waits for the head of its request, for its next request, or for our
response. One that waits for our response while its body is incomplete is in a further queue. Each queue is ordered by
time, so only its first entries can be late. This module does not read requests.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from itertools import islice, takewhile
from typing import Final, Protocol

from msgspec import Struct

from tokend.core.rate_limits import client_of
from tokend.telemetry.log import JsonLog

LOOK_SECONDS: Final = 0.25
"""Seconds between two checks of the deadlines."""
HELD_SECONDS: Final = 0.25
"""If a check is later than this, the event loop was busy, and may not have read yet what clients have sent in time."""
LOG_SECONDS: Final = 10.0
"""The shortest time in seconds between two log lines about closed connections, so that many of them do not fill the log."""
PROMPT_SECONDS: Final = 1.0
"""The time in seconds in which an honest client sends its body. Until then, idle connections are closed before its own."""
EXAMINED: Final = 32
"""The most connections of an address that are examined when one of them must make room."""
LINGERING: Final = 64
"""The most connections that stay open after the response until the rest of their request has arrived: each takes memory."""
RESERVED: Final = 64
"""File descriptors that are reserved for everything except connections."""


class Deadlines(Struct, frozen=True):
    """Deadlines in seconds. `answer` is for the whole request; each call that it awaits has its own, much shorter deadline."""

    head: float = 5.0
    body: float = 4.0  # the client then gets a response, and one second to read it
    write: float = 5.0
    answer: float = 30.0


class Caps(Struct, frozen=True):
    """The most connections of one process: in total and, if set, from one address (IPv6: from one network of 64 bits)."""

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
        self._bodies: dict[Connection, float] = {}
        self._stalled: dict[Connection, float] = {}
        self._lingering: set[Connection] = set()
        self._shares: dict[str, dict[Connection, None]] = {}
        self._logged: Counter[str] = Counter()
        self._logged_at = -LOG_SECONDS
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

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
        self._due = self._elapsed() + LOOK_SECONDS
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def joined(self, connection: Connection) -> bool:
        """Add a new connection. Returns False if a cap is reached: the caller must then close it."""
        share = self._share_of(connection)
        if share is not None and len(share) >= (self.caps.per_address or 0) and not self._evict_from(share):
            self.closed["address_cap"] += 1
            return False
        if self.open >= self.caps.total and not self._evict():
            self.closed["cap"] += 1
            return False
        if share is not None:
            self._shares.setdefault(network_of(connection.address), share)[connection] = None
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

    def awaits_body(self, connection: Connection) -> None:
        """Note that the body of its request is incomplete."""
        if connection in self._busy:
            self._bodies.setdefault(connection, self._elapsed())

    def body_arrived(self, connection: Connection) -> None:
        """Note that the body of its request is complete."""
        self._bodies.pop(connection, None)
        self._lingering.discard(connection)

    def may_linger(self, connection: Connection) -> bool:
        """Whether it may stay open after its response although its body is incomplete."""
        if len(self._lingering) >= LINGERING:
            return False
        self._lingering.add(connection)
        return True

    def answered(self, connection: Connection) -> None:
        """Note that the response is written or buffered: the connection now waits for the next request."""
        self._bodies.pop(connection, None)
        if self._busy.pop(connection, None) is not None:
            self._idle[connection] = self._elapsed()
            share = self._shares.get(network_of(connection.address), {})
            if share.pop(connection, connection) is None:
                share[connection] = None  # at the end: shares are ordered by the last response

    def stalls(self, connection: Connection) -> None:
        """Note that the client does not read what is written."""
        self._stalled[connection] = self._elapsed()

    def flows(self, connection: Connection) -> None:
        """Note that the client has read everything that was written."""
        self._stalled.pop(connection, None)

    def left(self, connection: Connection) -> None:
        """Remove a closed connection."""
        for queue in (self._heads, self._idle, self._busy, self._bodies, self._stalled):
            queue.pop(connection, None)
        self._lingering.discard(connection)
        network = network_of(connection.address)
        share = self._shares.get(network)
        if share is not None:
            share.pop(connection, None)
            if not share:
                del self._shares[network]

    def _share_of(self, connection: Connection) -> dict[Connection, None] | None:
        """The open connections of its address; None if they are not limited."""
        address = connection.address
        if not address or self.caps.per_address is None or self._trusted(address):
            return None
        return self._shares.get(network_of(address), {})

    def _evict_from(self, share: dict[Connection, None]) -> bool:
        """Close one of an address's connections that were idle longest, if possible one that waits for a head or a body.

        False if all of them have a complete request in progress.
        """
        examined = islice(share, EXAMINED)
        candidates = [other for other in examined if other not in self._busy or other in self._bodies]
        if not candidates:
            return False
        arriving = (candidate for candidate in candidates if candidate not in self._idle)
        self._close(next(arriving, candidates[0]), "address_cap")
        return True

    def _evict(self) -> bool:
        """Close the connection that has waited longest without a complete request in progress; False if there is none.

        One that waits for a head or a body goes before an idle one, unless its body has had little time.
        """
        arriving = [next(iter(queue.items())) for queue in (self._heads, self._bodies) if queue]
        if self._idle:
            prompt = self._elapsed() - PROMPT_SECONDS
            arriving = [entry for entry in arriving if entry[0] in self._heads or entry[1] <= prompt]
            arriving = arriving or [next(iter(self._idle.items()))]
        if not arriving:
            return False
        self._close(min(arriving, key=lambda entry: entry[1])[0], "cap")
        return True

    def _close(self, connection: Connection, reason: str) -> None:
        self.closed[reason] += 1
        self.left(connection)
        connection.abort()

    def _look(self) -> None:
        now = self._elapsed()
        deadlines, held = self.deadlines, now - self._due > HELD_SECONDS
        self._close_late(self._heads, now - (deadlines.answer if held else deadlines.head), "head")
        self._close_late(self._stalled, now - (deadlines.answer if held else deadlines.write), "write")
        self._close_late(self._busy, now - self.deadlines.answer, "answer")
        if self.closed != self._logged and now - self._logged_at >= LOG_SECONDS:
            self._log.event("connections", "warning", closed=dict(self.closed - self._logged), open=self.open)
            self._logged, self._logged_at = self.closed.copy(), now
        self.start()

    def _close_late(self, queue: dict[Connection, float], before: float, reason: str) -> None:
        for connection, _ in list(takewhile(lambda entry: entry[1] <= before, queue.items())):
            self._close(connection, reason)


network_of: Final = lru_cache(4096)(client_of)
"""What counts as one address. The same few are asked for again and again."""
