"""nginx and Caddy as the guides write them: a restart under load loses no request, and limits see the client's address."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

import pytest

from tests.needs import skip_or_fail
from tests.running import ROOT
from tests.system.deploy.clients import statuses
from tests.system.deploy.examples import CADDYFILE, MISSING, proxying
from tests.system.workers.load import waits
from tests.system.workers.serving import Running, serving, start

_BOTH: Final = pytest.mark.parametrize("name", ["caddy", "nginx"])

_REQUESTS: Final = 1000
_GET: Final = "/demo/rtc/demo-room/publisher/uid/{uid}/"
_POST: Final = "/demo/v1/token"
_BODY: Final = {"kind": "rtc", "channel": "demo-room", "uid": 7}
_TRUSTED: Final = ", trusted_proxies: 127.0.0.1"


async def _replaced(server: Running) -> None:
    """All workers by new ones."""
    before = set(server.workers())
    os.kill(server.process.pid, signal.SIGUSR2)
    for pause in waits():
        if not before & set(server.workers()):
            return
        await asyncio.sleep(pause)
    raise AssertionError("the workers were not replaced")


@_BOTH
async def test_a_rolling_restart_in_the_middle_fails_no_request(name: str, tmp_path: Path) -> None:
    skip_or_fail(MISSING[name]())
    (tmp_path / "proxy").mkdir()
    async with serving(tmp_path, 2, _TRUSTED) as server:
        with proxying(name, tmp_path / "proxy", server.port) as proxy:
            half = asyncio.Event()
            gets = asyncio.create_task(statuses(proxy.url + _GET, _REQUESTS, tls=proxy.tls, half=half))
            posts = asyncio.create_task(statuses(proxy.url + _POST, _REQUESTS, tls=proxy.tls, body=_BODY))
            await half.wait()
            await _replaced(server)
            assert (await gets, await posts) == ({200: _REQUESTS}, {200: _REQUESTS})


@_BOTH
async def test_limits_count_the_clients_of_the_proxy(name: str, tmp_path: Path) -> None:
    skip_or_fail(MISSING[name]())
    (tmp_path / "proxy").mkdir()
    async with serving(tmp_path, 1, _TRUSTED) as server:
        server.write("demo-*", "    limits: {address: 1/h burst 50}")
        assert (await server.reload())[0] == 200
        with proxying(name, tmp_path / "proxy", server.port) as proxy:
            url = proxy.url + _GET
            assert await statuses(url, 60, tls=proxy.tls, source="127.0.0.2") == {200: 50, 429: 10}
            forged = {"X-Forwarded-For": "192.0.2.1"}
            assert await statuses(url, 5, tls=proxy.tls, source="127.0.0.2", headers=forged) == {429: 5}
            assert await statuses(url, 50, tls=proxy.tls, source="127.0.0.3") == {200: 50}


@_BOTH
async def test_limits_count_the_clients_of_a_load_balancer_before_the_proxy(name: str, tmp_path: Path) -> None:
    """Caddy passes on its `X-Forwarded-For` only if it trusts it: all clients had one address."""
    skip_or_fail(MISSING[name]())
    (tmp_path / "proxy").mkdir()
    balancer = "127.0.0.2"
    async with serving(tmp_path, 1, f", trusted_proxies: [127.0.0.1, {balancer}]") as server:
        server.write("demo-*", "    limits: {address: 1/h burst 5}")
        assert (await server.reload())[0] == 200
        with proxying(name, tmp_path / "proxy", server.port, f"trusted_proxies {balancer}") as proxy:
            for client in ("192.0.2.1", "192.0.2.2"):
                headers = {"X-Forwarded-For": client}
                found = await statuses(proxy.url + _GET, 6, tls=proxy.tls, source=balancer, headers=headers)
                assert found == {200: 5, 429: 1}
            stranger = await statuses(proxy.url + _GET, 7, tls=proxy.tls, source="127.0.0.3", headers=headers)
            assert stranger == {200: 5, 429: 2}  # whose header counts for nothing


async def test_requests_wait_in_caddy_while_tokend_is_stopped_and_started(tmp_path: Path) -> None:
    skip_or_fail(MISSING["caddy"]())
    (tmp_path / "proxy").mkdir()
    async with serving(tmp_path, 1, _TRUSTED) as server:
        with proxying("caddy", tmp_path / "proxy", server.port) as proxy:
            half = asyncio.Event()
            gets = asyncio.create_task(statuses(proxy.url + _GET, _REQUESTS, tls=proxy.tls, half=half))
            await half.wait()
            assert await server.stop() == 0
            await start(server)
            assert await gets == {200: _REQUESTS}


def test_the_example_is_what_compose_uses() -> None:
    shipped = (ROOT / "deploy/compose/Caddyfile").read_text()
    _, _, inside = CADDYFILE.partition("127.0.0.1:8080")
    assert inside in shipped
