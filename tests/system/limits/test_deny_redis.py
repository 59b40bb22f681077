"""The deny list in Redis. An entry that is added on one host counts on all, and holds while Redis is away."""

import asyncio
import io
import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.running import ROOT
from tests.system.limits.redis_groups import cluster, cluster_url, sentinels
from tests.system.limits.redis_server import SECONDS, RedisServer, need_redis
from tests.unit.http.running import DEMO, KEY, NOW, Running, serving
from tokend.adapters.deny_redis import DenyRedis, edit_deny_redis, read_deny_redis
from tokend.adapters.deny_source import MAX_BYTES
from tokend.core.interfaces import Interfaces
from tokend.core.secrets import Secret
from tokend.telemetry.log import JsonLog

ADA = b'{"user":"ada"}'
BOB = b'{"user":"bob"}'
CID = b'{"user":"cid"}'


class Host:
    """A server with a deny list in Redis."""

    def __init__(self, server: Running, deny: DenyRedis, log: io.BytesIO) -> None:
        self.server = server
        self.deny = deny
        self._log = log

    async def status(self, user: str) -> int:
        path = f"/demo/rtc/lobby/publisher/userAccount/{user}"
        return (await self.server.token_request("GET", path, None, ("X-API-Key", KEY))).status

    async def becomes(self, user: str, status: int) -> None:
        await until(lambda: self.status(user), status)

    @property
    def messages(self) -> list[str]:
        lines = [json.loads(line) for line in self._log.getvalue().splitlines()]
        return [line["message"] for line in lines if "message" in line]


async def until(found: Callable[[], Awaitable[int]], expected: int) -> None:
    async with asyncio.timeout(SECONDS):
        while await found() != expected:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def host(url: str) -> AsyncIterator[Host]:
    log = io.BytesIO()
    deny = DenyRedis(Secret(url), JsonLog(log, lambda: NOW), lambda: NOW, asyncio.get_running_loop().time)
    deny.start()
    try:
        async with serving(DEMO, interfaces=Interfaces(deny=deny)) as server:
            yield Host(server, deny, log)
    finally:
        await deny.close()


async def write(url: str, *lines: bytes) -> None:
    await edit_deny_redis(Secret(url), lambda _: list(lines))


async def test_an_entry_counts_on_all_hosts_and_holds_while_redis_is_away(redis: RedisServer) -> None:
    async with host(redis.url) as first, host(redis.url) as second:
        assert await first.status("ada") == 200
        await write(redis.url, ADA)
        await first.becomes("ada", 403)
        await second.becomes("ada", 403)
        assert (second.deny.entries, second.deny.problems) == (1, 0)
        redis.kill()
        await until(_problems_of(second), 1)
        assert [await second.status(user) for user in ("ada", "bob")] == [403, 200]
        redis.start()  # empty: what it has lost still counts
        lost = "the deny entries that were read last stay in force: Redis has lost it"
        await until(lambda: _as_awaitable(lost in second.messages), True)
        assert await second.status("ada") == 403
        await write(redis.url, BOB)
        await second.becomes("bob", 403)
        await second.becomes("ada", 200)
        assert second.deny.problems == 0
        assert second.messages[-1] == "the deny list can be read again"
        await write(redis.url)
        await first.becomes("bob", 200)


async def test_a_redis_that_has_lost_only_the_latest_changes_unblocks_nobody(tmp_path: Path) -> None:
    """A restart with an older snapshot let in again, without a word, whoever had been blocked since."""
    need_redis()
    with RedisServer("--dir", str(tmp_path)) as redis:
        await write(redis.url, ADA, CID)
        redis.command("SAVE")
        async with host(redis.url) as one_host:
            await write(redis.url, ADA, BOB)
            await one_host.becomes("bob", 403)
            redis.kill()
            redis.start()
            await until(_problems_of(one_host), 1)
            lost = "the deny entries that were read last stay in force: Redis has lost its latest changes"
            await until(lambda: _as_awaitable(lost in one_host.messages), True)
            assert [await one_host.status(user) for user in ("ada", "bob", "cid")] == [403] * 3
            await write(redis.url, CID)
            await one_host.becomes("bob", 200)
            assert [await one_host.status(user) for user in ("ada", "cid")] == [200, 403]
            await until(_problems_of(one_host), 0)


async def test_a_change_by_a_clock_that_is_late_is_one_after_all(redis: RedisServer) -> None:
    entries = zlib.compress(ADA + b"\n")
    redis.command("HSET", "tokend:{deny}", "version", b"%d-clock" % (2 * time.time_ns()), "entries", entries)
    async with host(redis.url) as one_host:
        await one_host.becomes("ada", 403)
        await write(redis.url, BOB)
        await one_host.becomes("bob", 403)
        await one_host.becomes("ada", 200)
        assert one_host.deny.problems == 0


async def test_without_redis_at_the_start_nobody_gets_a_token_until_the_list_is_read(redis: RedisServer) -> None:
    await write(redis.url, ADA)
    redis.stop()
    async with host(redis.url) as waiting:
        assert not waiting.deny.has_been_read
        assert await waiting.status("bob") == 503
        redis.go_on()
        await waiting.becomes("bob", 200)
        assert await waiting.status("ada") == 403


async def test_the_log_says_that_no_token_is_issued_before_the_list_is_read(redis: RedisServer) -> None:
    """It said that the list is unchanged, as for a server that goes on."""
    redis.kill()
    async with host(redis.url) as waiting:
        await until(_problems_of(waiting), 1)
        assert waiting.messages == [
            "a configuration issues no token before its deny list has been read: Redis cannot be read: ConnectionError"
        ]


async def test_lines_that_are_no_entries_stop_no_others(redis: RedisServer) -> None:
    await write(redis.url, ADA)
    async with host(redis.url) as one_host:
        await write(redis.url, b"junk", BOB)
        await one_host.becomes("bob", 403)
        await until(_problems_of(one_host), 1)
        assert await one_host.status("ada") == 403
        assert "deny list: line 1: is no JSON object; the other lines count" in one_host.messages


async def test_what_is_no_list_changes_nothing(redis: RedisServer) -> None:
    await write(redis.url, ADA)
    async with host(redis.url) as one_host:
        await one_host.becomes("ada", 403)
        redis.command("HSET", "tokend:{deny}", "version", "other", "entries", "text")
        await until(_problems_of(one_host), 1)
        assert (
            one_host.messages[-1]
            == "the deny entries that were read last stay in force: what Redis holds is no deny list"
        )
        redis.command("HSET", "tokend:{deny}", "entries", zlib.compress(bytes(33 * 1024 * 1024)))
        await until(lambda: _as_awaitable("is over 32 MiB" in one_host.messages[-1]), True)
        redis.command("SET", "tokend:{deny}", "text")
        await until(lambda: _as_awaitable("ResponseError" in one_host.messages[-1]), True)
        assert await one_host.status("ada") == 403


async def test_a_change_that_no_server_would_read_is_refused(redis: RedisServer) -> None:
    """`tokend deny add` made the list too large. No server took it, no new one issued tokens, and nothing could be removed."""
    half = b"[%s]" % bytes(MAX_BYTES // 2)
    await write(redis.url, ADA)
    with pytest.raises(ValueError, match="it would be over 32 MiB: first remove entries"):
        await write(redis.url, half, half)
    assert await read_deny_redis(Secret(redis.url)) == ADA + b"\n"


async def test_no_writer_overwrites_another(redis: RedisServer) -> None:
    secret = Secret(redis.url)
    adding = (
        edit_deny_redis(secret, lambda lines, number=number: [*lines, b'{"user":"%d"}' % number])  # type: ignore[misc]
        for number in range(8)
    )
    await asyncio.gather(*adding)
    assert len((await read_deny_redis(secret)).splitlines()) == 8


async def test_a_cluster_and_sentinels_hold_the_list_too() -> None:
    need_redis()
    async with AsyncExitStack() as stack:
        group = stack.enter_context(sentinels())
        for url in (cluster_url(stack.enter_context(cluster(3))), group.url):
            async with host(url) as first, host(url) as second:
                await write(url, ADA)
                await first.becomes("ada", 403)
                await second.becomes("ada", 403)


def test_the_commands_change_the_list_in_redis(redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "deny: {redis: true, file: deny.jsonl}\nredis: {url: {env: REDIS_URL}}\n" + APPS
    )
    file = tmp_path / "deny.jsonl"
    file.write_bytes(b'{"user":"cid"}\n')
    assert _tokend(tmp_path, redis, "deny", "add", "--user", "ada") == (0, "added: user ada\n", "")
    assert asyncio.run(read_deny_redis(Secret(redis.url))) == ADA + b"\n"
    assert _tokend(tmp_path, redis, "deny", "list")[:2] == (0, "user ada\nuser cid\n")
    assert _tokend(tmp_path, redis, "deny", "remove", "--user", "cid") == (0, "removed: user cid\n", "")
    assert _tokend(tmp_path, redis, "deny", "remove", "--user", "ada") == (0, "removed: user ada\n", "")
    assert (asyncio.run(read_deny_redis(Secret(redis.url))), file.read_bytes()) == (b"", b"")
    redis.kill()
    assert _tokend(tmp_path, redis, "check")[0] == 0  # it does not contact Redis
    code, _, problem = _tokend(tmp_path, redis, "deny", "add", "--user", "ada")
    assert (code, problem) == (1, "tokend: the deny list in Redis cannot be changed: ConnectionError\n")


APPS = """
apps:
  demo:
    app_id: "970CA35de60c44645bbae8a215061b33"
    certificate: {env: CERTIFICATE}
    callers: {anybody: {anonymous: true, rules: [{channel: "demo-*"}]}}
"""


def _tokend(directory: Path, redis: RedisServer, *arguments: str) -> tuple[int, str, str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": redis.url,
        "CERTIFICATE": "5CFd2fd1755d40ecb72977518be15d3b",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tokend", *arguments], cwd=directory, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def _problems_of(of: Host) -> Callable[[], Awaitable[int]]:
    return lambda: _as_awaitable(of.deny.problems)


async def _as_awaitable(value: int) -> int:
    return value
