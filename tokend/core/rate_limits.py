"""Rate limits: what an ask counts against, and an exact count of it in memory (GCRA). Knows no clock and no Redis.

Of a limit's counter at most `burst + rate x t` asks are admitted in any time t, and never fewer than that while they are
asked for. Times are whole microseconds, scaled by the limit's amount, so that no rate is ever rounded.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from ipaddress import AddressValueError, IPv6Address
from typing import Annotated, Final

from msgspec import Struct
from pydantic import Field, PlainValidator

from tokend.core.durations import UNITS
from tokend.core.validation import StrictModel, invalid

MOST_COUNTERS: Final = 100_000
"""What `Counters` remember at most, some 40 MB; beyond it what was used longest ago goes."""
_ANY: Final = "*"


class Limit(Struct, frozen=True):
    """`amount` asks in `seconds`, and `burst` at once; all of them at least 1."""

    amount: int
    seconds: int
    burst: int

    @property
    def cost(self) -> int:
        """What one ask adds to a counter, in microseconds times `amount`."""
        return self.seconds * 1_000_000

    @property
    def capacity(self) -> int:
        """The most that a counter holds, in the same unit; it loses `amount` of it a microsecond."""
        return self.burst * self.cost


Counter = tuple[str, Limit]
"""What is counted, and how much of it is allowed. The same text under another limit is another counter."""
Group = Sequence[Counter]
"""The counters of one ask: it counts against all of them, or, where one does not admit it, against none."""


_RATE: Final = re.compile(r"([1-9][0-9]{0,5})/([smh])(?: burst ([1-9][0-9]{0,5}))?")


def _rate(value: object) -> Limit:
    """`20/s burst 40`; a burst that is not written is one period's worth."""
    if isinstance(value, Limit):
        return value
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise invalid("must be a rate such as 20/s, 100/m or 1000/h, or 20/s burst 40; its numbers are 1 to 999999")
    return Limit(int(found[1]), UNITS[found[2]], int(found[3] or found[1]))


Rate = Annotated[
    Limit, PlainValidator(_rate, json_schema_input_type=Annotated[str, Field(pattern=f"^{_RATE.pattern}$")])
]


class Limits(StrictModel):
    """The rate limits of an app. Every counter is the app's own, those of users and addresses too."""

    app: Rate | None = Field(default=None, description="token requests of the whole app, such as 100/s")
    caller: Rate | None = Field(default=None, description="token requests of each caller, such as 20/s burst 40")
    user: Rate | None = Field(default=None, description="token requests for each user that a token names")
    address: Rate | None = Field(default=None, description="token requests from each address of a client")

    def group(self, app: str, caller: str | None, address: str | None, users: Iterable[str] = ()) -> list[Counter]:
        """The counters of one ask. None: not known, not counted. Names of apps and callers hold no colon."""
        found: list[Counter] = []
        if self.app is not None:
            found.append((f"app:{app}", self.app))
        if self.caller is not None and caller is not None:
            found.append((f"caller:{app}:{caller}", self.caller))
        if self.address is not None and address:
            found.append((f"address:{app}:{client_of(address)}", self.address))
        if self.user is not None:
            limit = self.user
            found += [(f"user:{app}:{user}", limit) for user in sorted({_user(one) for one in users})]
        return found


NO_LIMITS: Final = Limits()


def _user(user: str) -> str:
    """Every wildcard is one user."""
    return _ANY if not user or _ANY in user else user


def client_of(address: str) -> str:
    """Who is behind an address: itself for IPv4, its /64 for IPv6, since one client has all of those addresses."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address)
    except AddressValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"


class Counters:
    """The counters of one process: for each the time at which it is empty again, if nothing more is counted."""

    def __init__(self, most: int = MOST_COUNTERS) -> None:
        self._most = most
        # a plain dict looks for its first key behind all that were taken from its front: 35 us with 100,000 counters
        self._empty_at = OrderedDict[Counter, int]()

    def __len__(self) -> int:
        return len(self._empty_at)

    def take(self, groups: Sequence[Group], now: int) -> list[float | None]:
        """For each ask, in order: None where it is admitted, else the seconds after which it would be.

        `now`: microseconds of a clock that only goes forward.
        """
        return [self._take(group, now) for group in groups]

    def _take(self, group: Group, now: int) -> float | None:
        wait = 0
        taken: list[tuple[Counter, int | None, int]] = []
        for counter in group:
            limit = counter[1]
            scaled, cost = now * limit.amount, limit.cost
            known = self._empty_at.pop(counter, None)
            empty_at = (scaled if known is None or known < scaled else known) + cost
            over = empty_at - scaled - limit.burst * cost
            if over > 0:
                wait = max(wait, -(-over // limit.amount))
            taken.append((counter, known, empty_at))
        for counter, known, empty_at in taken:  # put back as the last ones: the table is in the order of use
            if wait and known is not None:
                self._empty_at[counter] = known
            elif not wait:
                if known is None:
                    self._make_room(now)
                self._empty_at[counter] = empty_at
        return wait / 1_000_000 if wait else None

    def _make_room(self, now: int) -> None:
        """Look at two counters for each new one: empty ones go, so the table stays about as large as what is in use."""
        for _ in range(min(2, len(self._empty_at))):
            oldest, empty_at = self._empty_at.popitem(last=False)
            if empty_at > now * oldest[1].amount and len(self._empty_at) < self._most - 1:
                self._empty_at[oldest] = empty_at
