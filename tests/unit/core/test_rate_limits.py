"""The counters, held against a naive model with fractions: exactly burst + rate x t, and waits that are true."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokend.core.errors import whole_seconds
from tokend.core.rate_limits import Bucket, BucketGroup, Excess, GcraLimiter, Limit, Limits, client_of

SECOND = 1_000_000
LIMITS = st.builds(
    Limit, st.sampled_from([1, 3, 7, 20, 999_999]), st.sampled_from([1, 60, 3_600]), st.sampled_from([1, 2, 5, 40])
)
STEPS = st.lists(st.integers(0, 3 * SECOND) | st.sampled_from([0, 0, 0, 1, 50_000, 900 * SECOND]), max_size=60)


class TextbookBucket:
    """A token bucket as a textbook has it, in exact fractions."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.tokens = Fraction(limit.burst)
        self.at = 0

    def bind(self, now: int) -> None:
        rate = Fraction(self.limit.amount, self.limit.seconds * SECOND)
        self.tokens = min(Fraction(self.limit.burst), self.tokens + rate * (now - self.at))
        self.at = now


def waits(counters: GcraLimiter, groups: Sequence[BucketGroup], now: int) -> list[float | None]:
    return [None if excess is None else excess.seconds for excess in counters.take(groups, now)]


@given(limits=st.lists(LIMITS, min_size=1, max_size=3), steps=STEPS)
def test_the_same_as_a_bucket_in_fractions(limits: list[Limit], steps: list[int]) -> None:
    group: list[Bucket] = [(f"app:{number}", limit) for number, limit in enumerate(limits)]
    counters, buckets, now = GcraLimiter(), [TextbookBucket(limit) for limit in limits], 0
    for step in steps:
        now += step
        for bucket in buckets:
            bucket.bind(now)
        admitted = all(bucket.tokens >= 1 for bucket in buckets)
        if admitted:
            for bucket in buckets:
                bucket.tokens -= 1
        (wait,) = waits(counters, [group], now)
        assert (wait is None) == admitted


@given(limit=LIMITS, steps=STEPS)
def test_who_waits_as_long_as_told_is_admitted_and_no_microsecond_less(limit: Limit, steps: list[int]) -> None:
    now, counter = 0, ("app:demo", limit)
    counters = GcraLimiter()
    for step in steps:
        now += step
        (wait,) = waits(counters, [[counter]], now)
        if wait is None:
            continue
        microseconds = round(wait * SECOND)
        assert counters.take([[counter]], now + microseconds - 1) != [None]
        now += microseconds
        assert counters.take([[counter]], now) == [None]
        assert whole_seconds(wait) >= wait


@pytest.mark.parametrize("limit", [Limit(20, 1, 40), Limit(4, 1, 1), Limit(1_000, 60, 100), Limit(7, 3_600, 7)])
@pytest.mark.parametrize("seconds", [0, 1, 59, 3_600])
def test_exactly_burst_and_rate_times_time(limit: Limit, seconds: int) -> None:
    """Asked for at every moment at which one more is due."""
    counters, admitted, now = GcraLimiter(), 0, 0
    while now <= seconds * SECOND:
        (wait,) = waits(counters, [[("app:demo", limit)]], now)
        admitted += wait is None
        now += 0 if wait is None else round(wait * SECOND)
    assert admitted == limit.burst + limit.amount * seconds // limit.seconds


def test_an_ask_counts_against_none_of_its_limits_where_one_does_not_admit_it() -> None:
    wide, restrict = ("caller:demo:web", Limit(1, 60, 3)), ("user:demo:ada", Limit(1, 60, 1))
    counters = GcraLimiter()
    assert counters.take([[wide, restrict]], 0) == [None]
    for _ in range(10):
        assert counters.take([[wide, restrict]], 0) == [Excess(restrict, 60.0)]
    assert waits(counters, [[wide], [wide], [wide]], 0) == [None, None, 60.0]


def test_the_excess_names_the_limit_that_waits_longest() -> None:
    caller, user, address = (
        ("caller:demo:web", Limit(1, 1, 1)),
        ("user:demo:app:7", Limit(1, 60, 1)),
        ("address:demo:192.0.2.7", Limit(1, 3_600, 9)),
    )
    (_, excess) = GcraLimiter().take([[caller, user, address]] * 2, 0)
    assert excess == Excess(user, 60.0)
    assert [Excess(bucket, 1.0).limited for bucket in (caller, user, address)] == ["caller", "user", "address"]


def test_asks_of_one_request_count_one_after_the_other() -> None:
    counter = ("caller:demo:web", Limit(2, 1, 2))
    assert waits(GcraLimiter(), [[counter]] * 4, 0) == [None, None, 0.5, 0.5]


def test_a_changed_limit_is_another_counter() -> None:
    counters = GcraLimiter()
    assert waits(counters, [[("app:demo", Limit(1, 60, 1))]] * 2, 0) == [None, 60.0]
    assert counters.take([[("app:demo", Limit(2, 60, 1))]], 0) == [None]


def test_counters_that_are_empty_again_go() -> None:
    counters = GcraLimiter()
    for number in range(100_000):
        counters.take([[(f"user:demo:{number}", Limit(1, 1, 1))]], number * 10_000)
    assert len(counters) <= 220, "100 a second live, and each for a second"


def test_there_is_room_for_so_many_and_what_was_used_longest_ago_goes() -> None:
    limit = Limit(1, 3_600, 1)
    counters = GcraLimiter(max_buckets=1_000)
    for number in range(5_000):
        refused = counters.take([[("app:demo", limit)]], number) != [None]
        assert refused == (number > 0), "what is asked for stays, refused or not"
        counters.take([[(f"user:demo:{number}", limit)]], number)
        assert len(counters) <= 1_000
    assert counters.take([[("user:demo:4999", limit)]], 5_000) != [None]
    assert counters.take([[("user:demo:1", limit)]], 5_000) == [None]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "no:address"),
    ],
)
def test_one_client_of_ipv6_has_a_whole_64_and_ipv4_is_ipv4_however_it_comes(address: str, client: str) -> None:
    assert client_of(address) == client


def test_a_group_names_what_is_limited_and_known() -> None:
    one = Limit(1, 1, 1)
    every = Limits(app=one, caller=one, user=one, address=one)
    names = [name for name, _ in every.buckets("demo", "web", "192.0.2.7", {"bob", "ada", "", "room-*"})]
    assert names == [
        *("app:demo", "caller:demo:web", "address:demo:192.0.2.7"),
        *("user:demo:*", "user:demo:ada", "user:demo:bob"),
    ]
    assert [name for name, _ in every.buckets("demo", None, None)] == ["app:demo"]
    assert Limits().buckets("demo", "web", "192.0.2.7", {"ada"}) == []
