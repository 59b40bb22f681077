"""Several workers whose deny list is in a Redis that is away: those that have read it go on, and no other takes a request."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.limits.redis_server import RedisServer, need_redis
from tests.system.workers.load import Load, waits
from tests.system.workers.serving import Running, serving

pytestmark = pytest.mark.serial

_GOOD = "/demo/rtc/demo-room/publisher/uid/{uid}/"
_DENY = "deny: {redis: true}\nredis: {url: {env: REDIS_URL}}\n"


async def _until(holds: Callable[[], object]) -> None:
    for pause in waits():
        if holds():
            return
        await asyncio.sleep(pause)
    raise AssertionError("it never happened")


async def _with_deny_list(server: Running) -> None:
    server.write("demo-*", _DENY)
    assert (await server.reload())[0] == 200


async def test_workers_whose_replacements_cannot_read_the_deny_list_keep_serving(tmp_path: Path) -> None:
    need_redis()
    with RedisServer() as redis:
        async with serving(tmp_path, 2, extra={"REDIS_URL": redis.url}) as server:
            await _with_deny_list(server)
            before = set(server.workers())
            redis.kill()
            async with Load(server.url + _GOOD, 4) as load:
                server.process.send_signal(signal.SIGUSR2)
                await _until(lambda: server.events("workers"))
                await server.ready()
            assert load.failed == {}
            assert load.answered > 10
            assert set(server.workers()) == before
            reason = "it would not be ready: the deny list has not been read from redis"
            assert [line["message"] for line in server.events("workers")] == [f"cannot be replaced: {reason}"]


async def test_a_killed_worker_is_replaced_once_the_deny_list_can_be_read(tmp_path: Path) -> None:
    need_redis()
    with RedisServer() as redis:
        async with serving(tmp_path, 2, extra={"REDIS_URL": redis.url}) as server:
            await _with_deny_list(server)
            redis.kill()
            os.kill(killed := min(server.workers()), signal.SIGKILL)
            await _until(lambda: any(line["result"] == "cannot start" for line in server.events("worker")))
            async with Load(server.url + _GOOD, 4) as load:
                await server.ready()
                await asyncio.sleep(0.5)
            assert load.failed == {}
            assert load.answered > 10
            redis.start()
            await _until(lambda: len(set(server.workers()) - {killed}) == 2)
            await server.ready()


async def test_a_reload_that_adds_a_deny_list_that_cannot_be_read_is_rejected(tmp_path: Path) -> None:
    need_redis()
    with RedisServer() as redis:
        redis.kill()
        async with serving(tmp_path, 2, extra={"REDIS_URL": redis.url}) as server, Load(server.url + _GOOD, 4) as load:
            server.write("demo-*", _DENY)
            status, answer = await server.reload()
            assert status == 409
            assert answer["problems"] == ["the deny list cannot be read from redis: no token would be issued"]
            redis.start()
            for pause in waits():  # Redis is looked at five times a second
                if (await server.reload())[0] == 200:
                    break
                await asyncio.sleep(pause)
            assert (await server.reload())[0] == 200
            assert load.failed == {}


async def test_a_rejected_reload_does_not_go_on_connecting_to_its_redis(tmp_path: Path) -> None:
    """It did so for half a minute, nine times a second, with the password that was wrong."""
    connections = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listener:
        url = f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with serving(tmp_path, 2, extra={"REDIS_URL": url}) as server:
            server.write("demo-*", _DENY)
            assert (await server.reload())[0] == 409
            await asyncio.sleep(0.5)
            until_then = connections
            assert until_then > 0
            await asyncio.sleep(1.5)
            assert connections == until_then
