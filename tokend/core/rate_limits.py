"""Rate limits: the buckets of a token request, and an exact limiter in memory (GCRA, the leaky bucket of ITU-T I.371).

In any time t a bucket accepts at most `burst + rate x t` token requests, and no fewer if there are that many.
Times are whole microseconds multiplied by the limit's amount, so that no rate is rounded.
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

MAX_BUCKETS: Final = 100_000
"""The most buckets that `GcraLimiter` keeps, about 40 MB. Beyond that it drops the least recently used."""
_ANY: Final = "*"


class Limit(Struct, frozen=True):
    """`amount` token requests in `seconds`, and `burst` at once. Each is at least 1."""

    amount: int
    seconds: int
    burst: int

    @property
    def cost(self) -> int:
        """What a token request adds to a bucket, in microseconds times `amount`."""
        return self.seconds * 1_000_000

    @property
    def capacity(self) -> int:
        """The size of a bucket, in the same unit. A bucket loses `amount` each microsecond."""
        return self.burst * self.cost


Bucket = tuple[str, Limit]
"""What is counted, and its limit. The same text with another limit is another bucket."""
BucketGroup = Sequence[Bucket]
"""The buckets of a token request. It counts in all of them or, if a bucket is full, in none."""


class Excess(Struct, frozen=True):
    """A token request that a full bucket rejects, and how long it has to wait."""

    bucket: Bucket
    """The one that takes longest to have room."""
    seconds: float

    @property
    def limited(self) -> str:
        """What the limit is for: app, caller, user or address."""
        return self.bucket[0].partition(":")[0]


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

    app: Rate | None = Field(
        default=None, description="all requests of the app. Default: no limit", examples=["1000/m burst 100"]
    )
    caller: Rate | None = Field(
        default=None, description="requests of each caller. Default: no limit", examples=["20/s burst 40"]
    )
    user: Rate | None = Field(
        default=None, description="tokens for each user. Default: no limit", examples=["1/s burst 10"]
    )
    address: Rate | None = Field(
        default=None, description="requests from each address. Default: no limit", examples=["5/s"]
    )

    def buckets(self, app: str, caller: str | None, address: str | None, users: Iterable[str] = ()) -> list[Bucket]:
        """Return the buckets of a token request. Caller and address are None if unknown, and are not counted then."""
        # names of apps and callers contain no colon, so keys are unambiguous
        buckets: list[Bucket] = []
        if self.app is not None:
            buckets.append((f"app:{app}", self.app))
        if self.caller is not None and caller is not None:
            buckets.append((f"caller:{app}:{caller}", self.caller))
        if self.address is not None and address:
            buckets.append((f"address:{app}:{client_of(address)}", self.address))
        if self.user is not None:
            limit = self.user
            buckets += [(f"user:{app}:{user}", limit) for user in sorted(set(map(_counted_user, users)))]
        return buckets


NO_LIMITS: Final = Limits()


def _counted_user(user: str) -> str:
    """Return the user to count. All wildcards count as the same user."""
    return _ANY if not user or _ANY in user else user


def client_of(address: str) -> str:
    """Return what identifies the client of an address: the address for IPv4, its /64 for IPv6.

    A client usually has all addresses of an IPv6 /64 (RFC 6177).
    """
    if ":" not in address:
        return address
    try:
        ipv6 = IPv6Address(address)
    except AddressValueError:
        return address
    if ipv6.ipv4_mapped is not None:
        return str(ipv6.ipv4_mapped)
    return f"{IPv6Address(int(ipv6) >> 64 << 64)}/64"


class GcraLimiter:
    """The buckets of a process. For each it keeps the time at which the bucket is empty if nothing more is counted."""

    def __init__(self, max_buckets: int = MAX_BUCKETS) -> None:
        self._max_buckets = max_buckets
        # the first key of a plain dict is slow to find after deletions at its front: 35 us with 100,000 buckets
        self._empty_at = OrderedDict[Bucket, int]()

    def __len__(self) -> int:
        return len(self._empty_at)

    def take(self, groups: Sequence[BucketGroup], now: int) -> list[Excess | None]:
        """Return for each token request, in order, None if it is within its limits.

        `now` is in microseconds of a monotonic clock.
        """
        return [self._take(group, now) for group in groups]

    def _take(self, group: BucketGroup, now: int) -> Excess | None:
        wait, full = 0, None
        taken: list[tuple[Bucket, int | None, int]] = []
        for bucket in group:
            limit = bucket[1]
            scaled, cost = now * limit.amount, limit.cost
            known = self._empty_at.pop(bucket, None)
            empty_at = (scaled if known is None or known < scaled else known) + cost
            over = empty_at - scaled - limit.burst * cost
            if over > 0 and (until_room := -(-over // limit.amount)) > wait:
                wait, full = until_room, bucket
            taken.append((bucket, known, empty_at))
        for bucket, known, empty_at in taken:  # insert them at the end: the table is in the order of use
            if wait and known is not None:
                self._empty_at[bucket] = known
            elif not wait:
                if known is None:
                    self._drop_empty_buckets(now)
                self._empty_at[bucket] = empty_at
        return Excess(full, wait / 1_000_000) if full else None

    def _drop_empty_buckets(self, now: int) -> None:
        """Check the two oldest buckets and drop empty ones, so the table is about as large as what is in use."""
        for _ in range(min(2, len(self._empty_at))):
            oldest, empty_at = self._empty_at.popitem(last=False)
            if empty_at > now * oldest[1].amount and len(self._empty_at) < self._max_buckets - 1:
                self._empty_at[oldest] = empty_at
