"""What the consoles forward to the public API: a key of the URL is only ever one part of the path."""

import asyncio
from typing import Any

import pytest
from aiohttp import web, web_protocol
from aiohttp.http_parser import HttpRequestParserPy

from tests.conftest import ClientFixture
from tests.unit.http.wire import read_reply, send_raw
from tokend.http.forwarding import CALLER_URL_KEY, Forwarder
from tokend.http.request_parsing import BROKEN_BODY
from tokend.process.local_console import CONSOLE_HEADER, application_of


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (b"tk_demo_7", "/demo/k/tk_demo_7/v1/token"),
        (b"a/../b?c#d", "/demo/k/a%2F..%2Fb%3Fc%23d/v1/token"),
        ("é".encode(), "/demo/k/%C3%A9/v1/token"),
        (b"\xff", "/demo/k/%FF/v1/token"),  # no UTF-8: the server says so
    ],
)
async def test_a_key_of_the_url_is_one_part_of_the_path(key: bytes, path: str, aiohttp_client: ClientFixture) -> None:
    paths = []

    async def public(request: web.Request) -> web.Response:
        paths.append(request.raw_path)
        return web.json_response({})

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", public)
    forwarder = Forwarder(str((await aiohttp_client(server)).make_url("/demo")))
    local: Any = await aiohttp_client(application_of(forwarder, "http://localhost"))
    head = f"POST /-/public/v1/token HTTP/1.1\r\nHost: localhost\r\n{CONSOLE_HEADER}: 1\r\nContent-Length: 2\r\n"
    reply = await send_raw(local.port, head.encode() + CALLER_URL_KEY.encode() + b": " + key + b"\r\n\r\n{}")
    await forwarder.close()
    assert (reply.status, paths) == (200, [path])


async def test_the_clock_of_the_server_reaches_the_page(aiohttp_client: ClientFixture) -> None:
    date = "Mon, 31 Jan 2028 18:00:00 GMT"

    async def public(request: web.Request) -> web.Response:
        return web.json_response({}, headers={"Date": date})

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", public)
    forwarder = Forwarder(str((await aiohttp_client(server)).make_url("/demo")))
    local = await aiohttp_client(application_of(forwarder, "http://localhost"))
    response = await local.post("/-/public/v1/token", json={}, headers={CONSOLE_HEADER: "1", "Host": "localhost"})
    await forwarder.close()
    assert (response.status, response.headers.getall("Date")) == (200, [date])


async def test_a_broken_body_is_an_error_of_the_console(
    aiohttp_client: ClientFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_protocol, "HttpRequestParser", HttpRequestParserPy)  # that in C keeps the body waiting
    forwarder = Forwarder("http://localhost")
    local: Any = await aiohttp_client(application_of(forwarder, "http://localhost"))
    reader, writer = await asyncio.open_connection("127.0.0.1", local.port)
    head = f"POST /-/public/v1/token HTTP/1.1\r\nHost: localhost\r\n{CONSOLE_HEADER}: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    await asyncio.sleep(0.05)
    writer.write(b"no chunk\r\n")
    reply = await read_reply(reader)
    writer.close()
    await forwarder.close()
    assert (reply.status, reply.json) == (400, {"error": BROKEN_BODY})
