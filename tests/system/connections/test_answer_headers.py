"""Headers that every answer carries, whatever went wrong; and that requests the parser refuses get our own answer."""

import asyncio
import zlib
from collections.abc import Callable

import pytest

from tests.system.connections.limited import Limited, serving_limited
from tests.unit.http.running import DEMO, KEY, OPEN
from tests.unit.http.wire import Reply, read_reply, request_bytes
from tokend.core.interfaces import AuditSink, Interfaces
from tokend.core.model import Decision

_HEADERS = {
    "cache-control": "private, no-cache, no-store, must-revalidate",
    "pragma": "no-cache",
    "expires": "-1",
    "x-content-type-options": "nosniff",
    "server": "tokend",
    "x-request-id": "request-1",
}


class _Broken(AuditSink):
    def healthy(self) -> bool:
        return True

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        raise OSError("disk full: /var/log/secret-name")


def _check(reply: Reply) -> None:
    assert {name: reply.headers.get(name) for name in _HEADERS} == _HEADERS
    assert reply.headers["vary"].split(", ")[0] == "Origin"
    assert "set-cookie" not in reply.headers
    assert "location" not in reply.headers


_REQUESTS = [
    ("GET", "/", None, 200),
    ("HEAD", "/ping", None, 200),
    ("GET", "/ping/", None, 200),
    ("GET", "/healthz", None, 200),
    ("GET", "/readyz", None, 200),
    ("POST", "/readyz", b"", 405),
    ("OPTIONS", "/ping", None, 204),
    ("GET", "/demo/openapi.json", None, 200),
    ("GET", "/demo/docs", None, 200),
    ("GET", "/nowhere", None, 404),
    ("GET", "/demo/nowhere", None, 404),
    ("GET", "//", None, 404),
    ("GET", "/demo/rtm/ada", None, 200),
    ("GET", "/demo/rtm/0", None, 400),
    ("GET", "/demo/rtm/%2f", None, 400),
    ("GET", "/demo/rtm/*", None, 403),
    ("PUT", "/demo/rtm/ada", None, 405),
    ("DELETE", "/demo/v1/token", None, 405),
    ("POST", "/demo/v1/token", b'{"kind": "rtm", "user": "ada"}', 200),
    ("POST", "/demo/v1/token", b"x" * 20_000, 413),
    ("POST", "/demo/v1/tokens", b"x" * 70_000, 413),
]


@pytest.mark.parametrize(("method", "target", "body", "status"), _REQUESTS)
async def test_every_answer_has_them(method: str, target: str, body: bytes | None, status: int) -> None:
    async with serving_limited(DEMO) as server:
        raw = request_bytes(method, target, body, ("X-API-Key", KEY))
        reply = await server.send(raw) if method != "HEAD" else await _head(server, raw)
    assert reply.status == status
    _check(reply)


async def _head(server: Limited, raw: bytes) -> Reply:
    """An answer to HEAD has a Content-Length and no body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(raw)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    fake = asyncio.StreamReader()
    fake.feed_data(head.replace(b"Content-Length", b"X-Length"))
    return await read_reply(fake)


async def test_an_unavailable_audit_answers_503_with_them_and_logs_no_path_of_it() -> None:
    async with serving_limited(DEMO, interfaces=Interfaces(audit=_Broken())) as server:
        reply = await server.token_request("GET", "/demo/rtm/ada", None, ("X-API-Key", KEY))
        assert (reply.status, reply.json["code"]) == (503, "unavailable")
        assert b"disk full" not in reply.body
        _check(reply)


_UNREADABLE = {
    "a blank before the colon": b"GET / HTTP/1.1\r\nHost: x\r\nX-API-Key : CANARY\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\nX-API-Key: CANARY\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: CANARY\r\n\r\n",
    "another protocol": b"SSH-2.0-CANARY\r\n\r\n",
    "bytes that are no text": b"GET /rtm/CANARY\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "an unknown method": b"CANARY / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a bad length": b"POST /demo/v1/token HTTP/1.1\r\nHost: a\r\nContent-Length: CANARY\r\n\r\n",
    "a bad chunk": b"POST /demo/v1/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n\r\n",
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\nHost: a\r\nX-API-Key: CANARY\r\n\r\n",
    "CONNECT": b"CONNECT CANARY:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an unknown expectation": b"GET /ping HTTP/1.1\r\nHost: a\r\nExpect: CANARY\r\n\r\n",
    "HTTP/2.0": b"GET /ping HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /ping HTTP/0.9\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("raw", _UNREADABLE.values(), ids=_UNREADABLE.keys())
async def test_what_the_parser_refuses_gets_our_answer_and_is_quoted_nowhere(raw: bytes) -> None:
    async with serving_limited(DEMO) as server:
        reply = await server.send(raw)
        assert (reply.status, reply.json["code"]) == (400, "malformed")
        _check(reply)
        assert b"CANARY" not in reply.raw
        assert b"CANARY" not in server.log.getvalue()
        assert [line["event"] for line in server.lines] == ["request"]
        assert server.lines[0]["outcome"] == "malformed"


@pytest.mark.parametrize(
    ("raw", "status", "code", "detail"),
    [
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: %b\r\n\r\n",
            431,
            "headers_too_large",
            "a header is over 8192 bytes",
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\n%b: x\r\n\r\n", 431, "headers_too_large", "a header is over 8192 bytes"),
        (b"GET /rtm/%b HTTP/1.1\r\nHost: a\r\n\r\n", 414, "url_too_long", "the URL is over 8190 bytes"),
    ],
)
async def test_a_line_that_is_too_long_is_answered_with_its_limit(
    raw: bytes, status: int, code: str, detail: str
) -> None:
    async with serving_limited(DEMO) as server:
        _check_limit(server, await server.send(raw % (b"CANARY" * 2_000)), status, code, detail)


async def test_too_many_headers_are_answered_with_their_limit() -> None:
    async with serving_limited(DEMO) as server:
        reply = await server.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-CANARY: x\r\n" * 200 + b"\r\n")
        _check_limit(server, reply, 431, "headers_too_large", "there are over 128 headers")


def _check_limit(server: Limited, reply: Reply, status: int, code: str, detail: str) -> None:
    assert (reply.status, reply.json["code"], reply.json["detail"]) == (status, code, detail)
    _check(reply)
    assert b"CANARY" not in reply.raw + server.log.getvalue()
    assert (server.lines[0]["outcome"], server.lines[0]["reason"]) == (code, detail)


async def test_a_body_that_breaks_off_is_no_error_of_the_server() -> None:
    """The client goes away in the middle of its body; nothing is logged as a bug."""
    async with serving_limited(OPEN) as server:
        for rest in (b"Content-Length: 20\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST /v1/token HTTP/1.1\r\nHost: a\r\n" + rest)
            await writer.drain()
            await _until(lambda: server.control.in_flight == 1)
            writer.close()
            await _until(lambda: server.control.in_flight == 0)
        assert [(line["outcome"], line["status"]) for line in server.lines] == [("malformed", 400)] * 2
        assert not any("exception" in line for line in server.lines)


async def test_a_bad_chunk_after_the_headers_is_400() -> None:
    async with serving_limited(OPEN) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /v1/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        await _until(lambda: server.control.in_flight == 1)
        writer.write(b"ZZ\r\n\r\n")
        reply = await read_reply(reader)
        writer.close()
        assert (reply.status, reply.json["code"]) == (400, "malformed")
        assert not any("exception" in line for line in server.lines)


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to pass")


async def test_100_continue_is_answered_before_the_body_is_sent() -> None:
    async with serving_limited(DEMO) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = b'{"kind": "rtm", "user": "ada"}'
        head = request_bytes(
            "POST", "/demo/v1/token", b"", ("Expect", "100-continue"), ("X-API-Key", KEY), ("Content-Length", "30")
        )
        writer.write(head)
        assert (await read_reply(reader)).status == 100
        writer.write(body)
        assert (await read_reply(reader)).status == 200
        writer.close()


async def test_http_1_0_gets_no_100_continue() -> None:
    async with serving_limited(DEMO) as server:
        raw = request_bytes(
            "POST", "/demo/v1/token", b'{"kind": "rtm", "user": "ada"}', ("X-API-Key", KEY), ("Expect", "100-continue")
        )
        assert (await server.send(raw.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))).status == 200


async def test_a_client_that_expects_a_go_ahead_and_leaves_is_no_error_of_the_server() -> None:
    async with serving_limited(DEMO) as server:
        raw = request_bytes(
            "POST", "/demo/v1/token", None, ("X-API-Key", KEY), ("Expect", "100-continue"), ("Content-Length", "40")
        )
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(raw)
            await writer.drain()
            writer.transport.abort()
        await asyncio.sleep(0.1)
        assert (await server.token_request("GET", "/ping")).status == 200
        assert not [line for line in server.lines if "exception" in line]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x"])
async def test_a_compressed_body_is_refused_unopened(encoding: str) -> None:
    bomb = zlib.compress(b" " * 50_000_000)[:15_000]
    async with serving_limited(OPEN) as server:
        reply = await server.token_request("POST", "/getToken", bomb, ("Content-Encoding", encoding))
        assert (reply.status, reply.json["code"]) == (415, "unsupported_media_type")
