"""P21: losing Redis behaves as configured, whatever way it is lost, and it counts again when it is back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

import pytest

from tests.system.limits.hosts import PATIENT, Host, host
from tests.system.limits.redis_server import Network, RedisServer, network

EXPECTED: Final = {"open": [200] * 5, "local": [200, 200, 429, 429, 429], "closed": [503] * 5}
"""Five asks under a limit of two an hour, from when Redis is lost."""
LIMITS: Final = "{caller: 2/h}"
CALL_SECONDS: Final = 0.25


@asynccontextmanager
async def killed(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    redis.kill()
    yield
    redis.start()


@asynccontextmanager
async def stopped(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    redis.stop()
    yield
    redis.go_on()


@asynccontextmanager
async def black_hole(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    way.lag = None
    yield
    way.lag = 0.0


@asynccontextmanager
async def slow(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    way.lag = 0.6 * CALL_SECONDS  # too slow for a call, there and back, and fast enough to connect and be probed
    yield
    way.lag = 0.0


@asynccontextmanager
async def paused(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    redis.command("CLIENT", "PAUSE", 1_500)
    yield


@asynccontextmanager
async def asleep(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    sleep = asyncio.create_task(asyncio.to_thread(redis.command, "DEBUG", "SLEEP", 1))
    await asyncio.sleep(0.1)
    yield
    await sleep


@asynccontextmanager
async def full(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    redis.command("CONFIG", "SET", "maxmemory", 1)
    yield
    redis.command("CONFIG", "SET", "maxmemory", 0)


@asynccontextmanager
async def read_only(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    redis.command("REPLICAOF", "127.0.0.1", 1)
    yield
    redis.command("REPLICAOF", "NO", "ONE")


@asynccontextmanager
async def locked(redis: RedisServer, way: Network) -> AsyncIterator[None]:
    redis.command("CONFIG", "SET", "requirepass", "secret")
    way.lag = None  # the connection that is open already has its leave: it must be lost to notice
    yield
    way.lag = 0.0
    redis.url = redis.url.replace("//", "//:secret@")
    redis.command("CONFIG", "SET", "requirepass", "")


Failure = Callable[[RedisServer, Network], AbstractAsyncContextManager[None]]
FAILURES: Final = (killed, stopped, black_hole, slow, paused, asleep, full, read_only, locked)


@asynccontextmanager
async def one_of_each(url: str) -> AsyncIterator[dict[str, Host]]:
    """Three hosts, each with its `on_failure` and an app named so."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(host(url, LIMITS, name, app=name, call_seconds=CALL_SECONDS))
            for name in EXPECTED
        }


async def back(one: Host, app: str) -> None:
    """Ask until the log says that Redis counts again."""
    async with asyncio.timeout(10):
        while "Redis counts again" not in one.log:
            one.clock.now += 1
            await one.token_request(app)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: one.__name__)
async def test_lost_and_found(failure: Failure, redis: RedisServer) -> None:
    async with network(redis) as way, one_of_each(way.url) as hosts:
        for name, one in hosts.items():
            assert await one.statuses(1, name) == [200]
        async with failure(redis, way):
            connections = way.connections
            statuses = await asyncio.gather(*(one.statuses(5, name) for name, one in hosts.items()))
            assert dict(zip(hosts, statuses, strict=True)) == EXPECTED
            assert way.connections <= connections + 3 * len(hosts), "once it is known to be lost nobody goes there"
            for one in hosts.values():
                assert one.log.count("Redis cannot be reached") == 1
                assert await one.statuses(2, "free") == [200, 200]
        await asyncio.gather(*(back(one, name) for name, one in hosts.items()))
        for name, one in hosts.items():
            found = await one.statuses(4, name)
            assert (found[-1], set(found) <= {200, 429}) == (429, True)
            assert one.log.count('"event":"limiter"') == 2
            assert "secret" not in one.log


@pytest.mark.parametrize("on_failure", EXPECTED)
async def test_all_that_wait_are_answered_at_once(on_failure: str, redis: RedisServer) -> None:
    async with network(redis) as way, host(way.url, LIMITS, on_failure, call_seconds=CALL_SECONDS) as one:
        way.lag = None
        statuses = [reply.status for reply in await asyncio.gather(*(one.token_request() for _ in range(60)))]
        expected = {"open": [200] * 60, "local": [200] * 2 + [429] * 58, "closed": [503] * 60}
        assert sorted(statuses) == expected[on_failure]
        assert one.log.count("\n") == 1
        assert way.connections == 1


async def test_the_log_says_how_many_were_decided_without_it(redis: RedisServer) -> None:
    async with host(redis.url, "{caller: 100/h}", "open", call_seconds=PATIENT) as one:
        redis.kill()
        await one.statuses(7)
        redis.start()
        one.clock.now += 12.5
        asked = 7
        async with asyncio.timeout(10):
            while "counts again" not in one.log:
                await one.token_request()
                asked += 1
                await asyncio.sleep(0.02)
        lost, found = (json.loads(line) for line in one.log.splitlines())
        assert (lost["level"], lost["reason"]) == ("error", "ConnectionError")
        assert (found["level"], found["seconds"]) == ("info", 12.5)
        assert found["requests_without"] in (asked, asked - 1), "the last one may have met Redis again"


async def test_one_late_answer_is_no_outage_and_a_second_one_soon_after_is(redis: RedisServer) -> None:
    async with network(redis) as way, host(way.url, "{caller: 100/h}", "closed", call_seconds=CALL_SECONDS) as one:
        await one.statuses(1)
        way.lag = None
        assert await one.statuses(1) == [503]
        way.lag = 0.0
        async with asyncio.timeout(10):
            while "counts again" not in one.log:
                await one.token_request()
                await asyncio.sleep(0.02)
        assert await one.statuses(3) == [200] * 3
        way.lag = None
        assert await one.statuses(1) == [503]
        way.lag = 0.0
        connections = way.connections
        assert await one.statuses(20) == [503] * 20
        assert way.connections == connections


async def test_an_unavailable_redis_never_keeps_it_from_starting_and_is_not_asked_at_every_request() -> None:
    async with host("redis://127.0.0.1:1/0", LIMITS, "closed") as one:
        for reply in [await one.token_request() for _ in range(3)]:
            assert (reply.status, reply.json["code"]) == (503, "unavailable")
            assert reply.json["detail"] == "the rate limits cannot be checked"
        assert one.log.count("\n") == 1
