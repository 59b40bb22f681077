"""Bodies: a credential that fails by the head is answered before the body, and unfinished bodies have a budget."""

import asyncio
import contextlib
from unittest.mock import Mock

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from tests.system.connections.limited import serving_limited
from tests.unit.http.running import DEMO, KEY, OPEN
from tests.unit.http.wire import read_reply, request_bytes
from tokend.core.errors import ApiError
from tokend.http.bodies import BodyReader

_UNFINISHED = ("Content-Length", "1000")


@pytest.mark.parametrize(
    "headers", [(), (("X-API-Key", "tk_wrong_0123456789abcdef"),), (("Authorization", "Basic YQ=="),)]
)
@pytest.mark.parametrize("path", ["/demo/v1/token", "/demo/getToken", "/demo/v1/inspect"])
async def test_a_credential_that_fails_is_answered_before_the_body(
    path: str, headers: tuple[tuple[str, str], ...]
) -> None:
    async with serving_limited(DEMO) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes("POST", path, b"{", _UNFINISHED, *headers))
        reply = await read_reply(reader)
        assert reply.status == 401
        writer.close()


@pytest.mark.parametrize(
    ("text", "headers"), [(DEMO, (("X-API-Key", KEY),)), (OPEN.replace("path: /}", "path: /demo}"), ())]
)
async def test_a_credential_that_holds_waits_for_the_body(text: str, headers: tuple[tuple[str, str], ...]) -> None:
    body = b'{"kind": "rtc", "channel": "room", "uid": 7}'
    async with serving_limited(text) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        raw = request_bytes("POST", "/demo/v1/token", body, *headers)
        writer.write(raw[:-5])
        await asyncio.sleep(0.05)
        writer.write(raw[-5:])
        assert (await read_reply(reader)).status == 200
        writer.close()


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "other"])
@pytest.mark.parametrize("path", ["/demo/v1/token", "/nothing", "/healthz"])
async def test_a_body_is_never_read_as_a_request_after_an_upgrade(protocol: str, path: str) -> None:
    upgrade = (("Connection", "Upgrade"), ("Upgrade", protocol))
    inner = request_bytes("GET", "/readyz", None)
    outer = request_bytes("POST", "/demo/v1/token", inner)
    async with serving_limited(DEMO) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes("POST", path, b"{", ("Content-Length", "2"), *upgrade))
        reply = await read_reply(reader)
        assert (reply.status >= 400, reply.headers.get("connection")) == (True, "close")
        writer.write(b"}" + outer.removesuffix(inner))  # another client's, from a proxy that keeps connections
        await asyncio.sleep(0.05)
        writer.write(inner)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
    assert [line["status"] for line in server.lines if line["event"] == "request"] == [reply.status]


async def test_a_request_for_an_upgrade_keeps_its_connection_if_its_body_has_arrived() -> None:
    body = b'{"kind": "rtc", "channel": "room", "uid": 7}'
    upgrade = (("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"))  # as Java's client sends it
    async with serving_limited(DEMO) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for _ in range(3):
            writer.write(request_bytes("POST", "/demo/v1/token", body, ("X-API-Key", KEY), *upgrade))
            assert (await read_reply(reader)).status == 200
        writer.close()


def _content() -> StreamReader:
    protocol = BaseProtocol(asyncio.get_running_loop())
    protocol.transport = Mock(asyncio.Transport)  # connected
    return StreamReader(protocol, 2**16)


async def test_the_oldest_unfinished_body_makes_room() -> None:
    displaced: list[None] = []
    body_reader = BodyReader(lambda: displaced.append(None), budget=1_000)

    def arriving() -> tuple[StreamReader, "asyncio.Task[bytes]"]:
        content = _content()
        return content, asyncio.create_task(body_reader.read(content, 10_000, 5.0))

    (first, reading_first), (second, reading_second) = arriving(), arriving()
    await asyncio.sleep(0)
    first.feed_data(b"x" * 600)
    second.feed_data(b"x" * 400)
    await asyncio.sleep(0.01)
    assert not displaced
    second.feed_data(b"x")
    with pytest.raises(ApiError) as caught:
        await reading_first
    assert (caught.value.status, caught.value.retry_after) == (503, 1.0)
    second.feed_eof()
    assert len(await reading_second) == 401
    assert len(displaced) == 1


async def test_one_body_over_the_whole_budget_fails_by_itself() -> None:
    body_reader = BodyReader(lambda: None, budget=10)
    content = _content()
    reading = asyncio.create_task(body_reader.read(content, 10_000, 5.0))
    await asyncio.sleep(0)
    content.feed_data(b"x" * 11)
    with pytest.raises(ApiError):
        await reading
