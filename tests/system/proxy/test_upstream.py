"""Workers replaced behind a real nginx, set up as docs/operating.md says, as tests/long/restarts_behind_nginx.py."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.system.proxy.nginx import proxying
from tests.system.proxy.upstream import FRESH, closing, kept
from tests.system.workers.load import Load, waits
from tests.system.workers.serving import serving

_GOOD = "/demo/rtc/demo-room/publisher/uid/{uid}/"


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_rolling_replacement_of_the_workers_loses_nothing(nginx: None, keeps: bool, tmp_path: Path) -> None:
    (tmp_path / "nginx").mkdir()
    async with serving(tmp_path, 2) as server:
        upstream, location = kept(server.port) if keeps else ("", FRESH.format(port=server.port))
        with proxying(tmp_path / "nginx", location, upstream) as url:
            async with Load(url + _GOOD, 4) as busy, Load(url + _GOOD, 4, pause=0.1) as seldom:
                before = set(server.workers())
                os.kill(server.process.pid, signal.SIGUSR2)
                for pause in waits():
                    if not before & set(server.workers()):
                        break
                    await asyncio.sleep(pause)
                assert not before & set(server.workers())
    assert (busy.failed, seldom.failed) == ({}, {})
    assert min(busy.answered, seldom.answered) > 10


@pytest.mark.parametrize(("without", "post"), [("", 200), ("non_idempotent", 502)])
async def test_a_kept_connection_that_is_closed_just_then_is_no_502(
    nginx: None, without: str, post: int, tmp_path: Path
) -> None:
    open_now = set[object]()
    upstream = await asyncio.start_server(partial(closing, open_now=open_now), "127.0.0.1", 0)
    http, location = kept(upstream.sockets[0].getsockname()[1])
    with proxying(tmp_path, location.replace(without, ""), http) as url:
        async with ClientSession() as session:

            async def token_request(method: str) -> int:
                async with session.request(method, url, data=b"{}" if method == "POST" else None) as answer:
                    return answer.status

            assert [await token_request("GET") for _ in range(3)] == [200, 200, 200]
            assert [await token_request("POST") for _ in range(2)] == [post, 200 if post == 502 else post]
    for pause in waits():
        if not open_now:
            break
        await asyncio.sleep(pause)
    upstream.close()
