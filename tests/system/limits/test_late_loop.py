"""P19 under load: a process that gets no processor, or whose loop is busy, does not take its own lateness for Redis'."""

import asyncio
import time
from typing import Final

import pytest

from tests.system.limits.hosts import Host, host
from tests.system.limits.redis_server import RedisServer
from tokend.adapters.loop_timeout import loop_timeout
from tokend.core.rate_limits import Excess

pytestmark = pytest.mark.serial

CALL_SECONDS: Final = 0.25
LIMITS: Final = "{caller: 2/h}"
STEPS: Final = 100
"""Turns of the loop after which a call has been sent, as far as it can be."""


def hold_the_loop() -> None:
    """For longer than a call may take."""
    time.sleep(2 * CALL_SECONDS)


def wait_until_counted(redis: RedisServer) -> None:
    """Until Redis has run the script, while the loop stands still."""
    while "cmdstat_evalsha" not in redis.command("INFO", "commandstats"):
        time.sleep(0.01)


async def call_of(one: Host, redis: RedisServer) -> "asyncio.Task[list[Excess | None]]":
    """A call that was sent over an open connection to a Redis that has stopped."""
    assert await one.limiter.take([[]]) == [None]
    redis.command("CONFIG", "RESETSTAT")
    redis.stop()
    call = asyncio.create_task(one.limiter.take([[]]))
    for _ in range(STEPS):
        await asyncio.sleep(0)
    return call


async def test_an_answer_that_lies_in_the_socket_is_not_late_because_the_loop_is(redis: RedisServer) -> None:
    async with host(redis.url, LIMITS, call_seconds=CALL_SECONDS) as one:
        call = await call_of(one, redis)
        redis.go_on()
        wait_until_counted(redis)
        hold_the_loop()
        assert await call == [None]
        assert one.log == ""


async def test_a_machine_that_stood_still_is_no_failure_of_redis(redis: RedisServer) -> None:
    async with host(redis.url, LIMITS, call_seconds=CALL_SECONDS) as one:
        call = await call_of(one, redis)
        hold_the_loop()
        redis.go_on()
        assert await call == [None]
        assert one.log == ""


async def test_a_redis_that_never_answers_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        await loop_timeout(0.01, asyncio.get_running_loop().create_future())


async def test_what_answers_or_fails_does_so_at_once() -> None:
    async def fails() -> None:
        raise ConnectionError

    assert await loop_timeout(3600, asyncio.sleep(0, "answer")) == "answer"
    with pytest.raises(ConnectionError):
        await loop_timeout(3600, fails())


async def test_who_is_cancelled_meanwhile_sees_no_timeout() -> None:
    waiting = asyncio.create_task(loop_timeout(3600, asyncio.get_running_loop().create_future()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
