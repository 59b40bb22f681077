"""Two hosts behind nginx, as docs/scale-out.md writes it: what one app answers takes no host from the other apps."""

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.running import ROOT
from tests.system.deploy.clients import statuses
from tests.system.proxy.nginx import proxying
from tests.system.proxy.upstream import LOCATION
from tests.system.workers.serving import serving, start

_PAGE: Final = (ROOT / "docs/scale-out.md").read_text()
UPSTREAM, REPEATS = re.findall(r"^```nginx \S+\n(.*?)^```", _PAGE, re.M | re.S)
_GET: Final = "/demo/rtc/demo-room/publisher/uid/{uid}/"
_POST: Final = "/demo/v1/token"
_BODY: Final = {"kind": "rtc", "channel": "demo-room", "uid": 7}
_REQUESTS: Final = 400


@contextmanager
def _nginx(directory: Path, *ports: int) -> Iterator[str]:
    upstream = UPSTREAM
    for number, port in enumerate(ports, start=1):
        assert upstream.count(f"10.0.0.{number}:8080") == 1
        upstream = upstream.replace(f"10.0.0.{number}:8080", f"127.0.0.1:{port}")
    location, replaced = re.subn(r" *proxy_next_upstream .*?;\n", REPEATS, LOCATION)
    assert replaced == 1
    directory.mkdir()
    with proxying(directory, location, upstream) as url:
        yield url


@contextmanager
def _silent() -> Iterator[int]:
    """A port whose connections never begin: its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_an_invalid_app_and_a_restarted_host_fail_no_request_of_another_app(nginx: None, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with serving(tmp_path / "one", 1) as one, serving(tmp_path / "two", 1) as two:
        for host in (one, two):
            host.write("demo-*", more="  broken: {app_id: short}\n")
            assert (await host.reload())[1]["result"] == "done"
        with _nginx(tmp_path / "nginx", one.port, two.port) as url:
            assert await statuses(url + "/broken/v1/token", 3, body=_BODY) == {503: 3}
            half = asyncio.Event()
            gets = asyncio.create_task(statuses(url + _GET, _REQUESTS, half=half))
            posts = asyncio.create_task(statuses(url + _POST, _REQUESTS, body=_BODY))
            broken = asyncio.create_task(statuses(url + "/broken/v1/token", _REQUESTS, body=_BODY))
            await half.wait()
            assert await one.stop() == 0
            await start(one)
            await one.ready()
            assert (await gets, await posts) == ({200: _REQUESTS}, {200: _REQUESTS})
            assert set(await broken) <= {503, 502}  # 502: the other host was stopped


async def test_a_host_that_accepts_and_does_not_answer_yet_costs_a_request_two_seconds(
    nginx: None, tmp_path: Path
) -> None:
    """While a host starts, connections to its port wait."""
    (tmp_path / "host").mkdir()
    async with serving(tmp_path / "host", 1) as host:
        with (
            socket.create_server(("127.0.0.1", 0)) as starting,
            _nginx(tmp_path / "nginx", starting.getsockname()[1], host.port) as url,
        ):
            begun = time.monotonic()
            assert await statuses(url + _POST, 4, clients=1, body=_BODY) == {200: 4}
            assert 2 <= time.monotonic() - begun < 20


async def test_a_host_that_is_switched_off_costs_a_request_a_second(nginx: None, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    async with serving(tmp_path / "host", 1) as host:
        with _silent() as port, _nginx(tmp_path / "nginx", port, host.port) as url:
            begun = time.monotonic()
            assert await statuses(url + _GET, 4, clients=1) == {200: 4}
            assert 1 <= time.monotonic() - begun < 20
