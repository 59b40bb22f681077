"""P19: hosts that share a Redis admit together exactly what one host would, by the clock of Redis."""

import asyncio
import re
from pathlib import Path
from uuid import uuid4

import pytest

from tests.running import ROOT
from tests.system.limits.hosts import Host, host
from tests.system.limits.redis_server import RedisServer, need_redis
from tests.unit.http.running import KEY
from tokend.adapters.redis_limiter import MAX_COUNTERS
from tokend.core.rate_limits import Limit


def new_app() -> str:
    """Counters that no other test has used."""
    return f"app-{uuid4().hex}"


async def test_two_hosts_admit_exactly_burst_and_rate_times_time(shared_redis: RedisServer) -> None:
    app, rate, burst = new_app(), 100, 50
    limits = f"{{caller: {rate}/s burst {burst}}}"
    async with (
        host(shared_redis.url, limits, app=app) as one,
        host(shared_redis.url, limits, app=app) as other,
    ):
        statuses: list[int] = []

        async def client(at: Host, token_requests: int) -> None:
            statuses.extend(await at.statuses(token_requests, app))

        before = shared_redis.time()
        await client(one, burst)  # else a pause of a busy machine would find it full, and be lost
        begun = shared_redis.time()
        await asyncio.gather(*(client(at, 60) for at in (one, other) for _ in range(6)))
        ended = shared_redis.time()
        await asyncio.gather(*(client(at, 40) for at in (one, other)))
        after = shared_redis.time()
    admitted = statuses.count(200)
    assert set(statuses) == {200, 429}
    assert burst + rate * (ended - begun) // 1_000_000 <= admitted <= burst + rate * (after - before) // 1_000_000


async def test_a_batch_of_very_many_counters_is_sent_in_parts(redis: RedisServer) -> None:
    """A batch for thousands of users was one script. It blocked Redis for a tenth of a second, so that no limit held."""
    limit = Limit(1, 3600, 1)
    groups = [[(f"user:{group}:{user}", limit) for user in range(300)] for group in range(20)]
    async with host(redis.url, "{user: 1/h}") as one:
        redis.command("CONFIG", "RESETSTAT")
        assert await one.limiter.take(groups) == [None] * 20
        again = await one.limiter.take(groups)
    assert [excess.bucket[0] for excess in again if excess] == [f"user:{group}:0" for group in range(20)]
    stats = redis.command("INFO", "commandstats")["cmdstat_evalsha"]
    assert stats["calls"] - stats["failed_calls"] == 2 * -(-20 // (MAX_COUNTERS // 300))
    assert not one.log


async def test_every_limit_of_a_request_goes_in_one_call(shared_redis: RedisServer) -> None:
    app = new_app()
    limits = "{app: 900/h, caller: 5/h, user: 3/h}"
    async with host(shared_redis.url, limits, app=app) as one:
        assert await one.statuses(1, app) == [200]
        shared_redis.command("CONFIG", "RESETSTAT")
        assert await one.statuses(3, app) == [200, 200, 429]
        stats = shared_redis.command("INFO", "commandstats")
        assert stats["cmdstat_evalsha"]["calls"] == 3
        reply = await one.token_request(app)
        assert 1_195 <= int(reply.headers["retry-after"]) <= 1_200


async def test_what_comes_together_goes_together_and_each_gets_its_own_answer(shared_redis: RedisServer) -> None:
    app = new_app()
    async with host(shared_redis.url, "{caller: 150/h burst 150, user: 200/h}", app=app) as one:
        token_requests = [{"kind": "rtm", "user": f"user-{number % 7}"} for number in range(60)]
        bodies = [{"requests": token_requests[: number % 5 + 1]} for number in range(80)]
        replies = await asyncio.gather(
            *(one.server.token_request("POST", f"/{app}/v1/tokens", body, ("X-API-Key", KEY)) for body in bodies)
        )
        outcomes = ["token" in result for reply in replies for result in reply.json["results"]]
        assert [len(one.json["results"]) for one in replies] == [len(one["requests"]) for one in bodies]
        assert (len(outcomes), sum(outcomes)) == (240, 150)


async def test_a_script_that_redis_has_forgotten_is_sent_again(shared_redis: RedisServer) -> None:
    app = new_app()
    async with host(shared_redis.url, "{caller: 3/h}", app=app) as one:
        assert await one.statuses(1, app) == [200]
        shared_redis.command("SCRIPT", "FLUSH")
        assert await one.statuses(3, app) == [200, 200, 429]
        assert one.log == ""


async def test_a_connection_that_redis_has_closed_is_made_anew(shared_redis: RedisServer) -> None:
    app = new_app()
    async with host(shared_redis.url, "{caller: 3/h}", app=app) as one:
        assert await one.statuses(1, app) == [200]
        shared_redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await one.statuses(3, app) == [200, 200, 429]
        assert one.log == ""


async def test_a_client_that_goes_away_leaves_the_others_their_answers(shared_redis: RedisServer) -> None:
    app = new_app()
    async with host(shared_redis.url, "{caller: 100/h}", app=app) as one:
        token_requests = [asyncio.create_task(one.limiter.take([[]])) for _ in range(10)]
        await asyncio.sleep(0)
        for token_request in token_requests[::2]:
            token_request.cancel()
        answers = await asyncio.gather(*token_requests, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in answers] == [True, False] * 5
        assert answers[1::2] == [[None]] * 5


@pytest.mark.parametrize("on_failure", ["open", "local", "closed"])
async def test_apps_without_limits_never_ask(on_failure: str) -> None:
    async with host("redis://127.0.0.1:1/0", "{caller: 1/h}", on_failure) as one:
        assert await one.statuses(3, "free") == [200] * 3
        assert one.log == ""


async def test_the_rights_that_the_documentation_names_are_enough(redis: RedisServer) -> None:
    (rights,) = re.findall(r"`(~tokend:[^`]*)`", (ROOT / "docs/limits.md").read_text())
    redis.command("ACL", "SETUSER", "tokend", "on", ">pass", "resetchannels", *rights.split())
    async with host(redis.url.replace("//", "//tokend:pass@"), "{caller: 2/h}") as one:
        assert await one.statuses(3) == [200, 200, 429]
        redis.command("ACL", "SETUSER", "tokend", "-time")
        assert await one.statuses(1) == [503]
        assert one.log.count("Redis cannot be reached") == 1


async def test_over_a_unix_socket(tmp_path: Path) -> None:
    need_redis()
    path = tmp_path / "redis.sock"
    with RedisServer("--unixsocket", str(path)):
        async with host(f"unix://{path}", "{caller: 2/h}") as one:
            assert await one.statuses(3) == [200, 200, 429]
