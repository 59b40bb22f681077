"""The script in a real Redis, held against the counters in memory, whose exactness `test_gcra.py` shows."""

from typing import Any, Final
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ResponseError

from tests.system.limits.redis_server import RedisServer
from tokend.adapters.redis_script import SCRIPT, key_of, read_answer, script_arguments
from tokend.core.rate_limits import BucketGroup, Excess, GcraLimiter, Limit

SECOND: Final = 1_000_000
BEGIN: Final = 1_800_000_000 * SECOND
CLOCK: Final = "redis.call('TIME')"
TOLD: Final = SCRIPT.replace(CLOCK, "{ARGV[#ARGV - 1], ARGV[#ARGV]}").replace("at <= #ARGV do", "at <= #ARGV - 2 do")
"""The script with a clock that the tests tell it. Limits are slow, so that no counter expires by Redis' own."""
SLOW: Final = st.builds(Limit, st.sampled_from([1, 3, 7, 11]), st.just(3_600), st.sampled_from([1, 2, 5, 999_999]))
STEPS: Final = st.lists(st.sampled_from([0, 0, 1, SECOND, 40 * SECOND, 3_600 * SECOND]), min_size=1, max_size=25)


def told(client: Any, groups: list[BucketGroup], now: int) -> list[Excess | None]:
    keys, arguments = script_arguments(groups)
    answer = client.eval(TOLD, len(keys), *keys, *arguments, now // SECOND, now % SECOND)
    return read_answer(groups, answer)


def waits(client: Any, groups: list[BucketGroup], now: int) -> list[float | None]:
    return [None if excess is None else excess.seconds for excess in told(client, groups, now)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits=st.lists(SLOW, min_size=1, max_size=3), steps=STEPS, choices=st.randoms(use_true_random=False))
def test_the_same_as_in_memory(shared_redis: RedisServer, limits: list[Limit], steps: list[int], choices: Any) -> None:
    run = uuid4().hex
    table = [(f"user:{run}:{number}", limit) for number, limit in enumerate(limits)]
    counters, now = GcraLimiter(), BEGIN
    with Redis.from_url(shared_redis.url) as client:
        for step in steps:
            now += step
            groups: list[BucketGroup] = [
                choices.sample(table, choices.randint(0, len(table))) for _ in range(choices.randint(1, 4))
            ]
            assert told(client, groups, now) == counters.take(groups, now)


def test_the_clock_of_the_script_can_be_told_to_it() -> None:
    assert SCRIPT.count(CLOCK) == 1
    assert TOLD.count("ARGV[#ARGV") == 2
    assert TOLD.count("#ARGV - 2 do") == 1


def test_a_clock_that_is_set_back_gives_nothing_away_and_stops_nobody_for_long(shared_redis: RedisServer) -> None:
    """P27: Redis has no other clock than the wall's."""
    group: list[BucketGroup] = [[(f"user:{uuid4().hex}", Limit(1, 3_600, 2))]]
    with Redis.from_url(shared_redis.url) as client:
        assert waits(client, group * 3, BEGIN) == [None, None, 3_600.0]
        back = BEGIN - 86_400 * SECOND
        assert waits(client, group, back) == [3_600.0]
        assert waits(client, group, back + 3_599 * SECOND) == [1.0]
        assert waits(client, group, back + 3_600 * SECOND) == [None]


def test_a_counter_expires_when_it_is_empty_and_its_key_tells_nothing(shared_redis: RedisServer) -> None:
    counter = (f"user:demo:{uuid4().hex}", Limit(1, 60, 5))
    with Redis.from_url(shared_redis.url) as client:
        keys, arguments = script_arguments([[counter], [counter]])
        assert client.eval(SCRIPT, len(keys), *keys, *arguments) == [0, 0, 0, 0]
        (key,) = keys
        assert 119_000 < client.pttl(key) <= 120_001
    assert key == key_of(counter)
    assert key.startswith("tokend:{limits}:")
    assert counter[0] not in key


@pytest.mark.parametrize("command", [("SET", "something else"), ("SADD", "a"), ("HSET", "a", "b"), ("RPUSH", "60 1")])
def test_what_somebody_else_wrote_under_a_key_is_no_counter(
    command: tuple[str, ...], shared_redis: RedisServer
) -> None:
    counter = (f"user:demo:{uuid4().hex}", Limit(1, 60, 1))
    with Redis.from_url(shared_redis.url) as client:
        client.execute_command(command[0], key_of(counter), *command[1:])
        keys, arguments = script_arguments([[counter], [counter]])
        assert client.eval(SCRIPT, len(keys), *keys, *arguments) == [0, 0, 60 * SECOND, 1]


def test_a_user_of_redis_who_may_not_read_counters_is_an_error(shared_redis: RedisServer) -> None:
    """Each counter was taken for an empty one, so that nothing was limited."""
    counter, name = (f"user:demo:{uuid4().hex}", Limit(1, 60, 1)), f"user{uuid4().hex}"
    keys, arguments = script_arguments([[counter]])
    with Redis.from_url(shared_redis.url) as client:
        client.acl_setuser(
            name, enabled=True, passwords=["+word"], keys=["*"], commands=["+eval", "+time", "+set"], reset=True
        )
        try:
            with (
                Redis.from_url(shared_redis.url, username=name, password="word") as limited,
                pytest.raises(ResponseError),
            ):
                limited.eval(SCRIPT, len(keys), *keys, *arguments)
        finally:
            client.acl_deluser(name)


@pytest.mark.parametrize("debt", ["9007199254740991", "9" * 30, "9" * 400], ids=len)
@pytest.mark.parametrize("since", ["9007199254740991", "9" * 400], ids=len)
def test_a_counter_that_somebody_else_wrote_is_full_at_most(debt: str, since: str, shared_redis: RedisServer) -> None:
    counter = (f"user:demo:{uuid4().hex}", Limit(1, 60, 2))
    with Redis.from_url(shared_redis.url) as client:
        client.set(key_of(counter), f"{debt} {since}")
        keys, arguments = script_arguments([[counter]])
        assert client.eval(SCRIPT, len(keys), *keys, *arguments) == [60 * SECOND, 1]
        assert 0 < client.pttl(key_of(counter)) <= 120_001


@pytest.mark.parametrize("amount", [1, 3, 999_999])
def test_numbers_stay_whole_at_the_largest_limits(shared_redis: RedisServer, amount: int) -> None:
    limit = Limit(amount, 3_600, 999_999)
    assert limit.capacity + limit.cost < 2**53
    group: list[BucketGroup] = [[(f"user:{uuid4().hex}", limit)]]
    counters = GcraLimiter()
    with Redis.from_url(shared_redis.url) as client:
        for now in (BEGIN, BEGIN + 1, BEGIN + 7 * SECOND):
            assert told(client, group * 50, now) == counters.take(group * 50, now)
