"""Fetching over HTTP from a provider that is broken or hostile: always a plain error, soon, and bounded in memory."""

import gzip
import time
import tracemalloc

import pytest
from aiohttp import ClientError

from tests.system.providers.speaking import OK, Speak, body, provider, saying
from tokend.adapters.http_client import ResponseProblem, client
from tokend.adapters.jwks import MAX_BYTES, over_http
from tokend.auth.jws import KeysProblem


async def fetched(speak: Speak, path: str = "/jwks") -> object:
    async with provider(speak) as (url, _), client() as session:
        return await over_http(session, timeout=0.3)(url + path)


async def test_what_is_sent_and_what_is_taken() -> None:
    async with provider(saying(body(b'{"keys":[]}'))) as (url, heads), client() as session:
        assert await over_http(session)(f"{url}/jwks") == {"keys": []}
    first, *lines = heads[0].decode().rstrip().split("\r\n")
    assert first == "GET /jwks HTTP/1.1"
    sent = dict(line.split(": ", 1) for line in lines)
    assert (sent["Accept-Encoding"], sent["User-Agent"]) == ("identity", "tokend")
    assert "Cookie" not in sent
    assert "Authorization" not in sent


BOMB = gzip.compress(bytes(200 << 20), 9)
HOSTILE: dict[str, tuple[Speak, str]] = {
    "a redirect": (
        saying(body(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n")),
        "the answer has status 302",
    ),
    "a permanent redirect": (
        saying(body(b"", b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /other\r\n")),
        "the answer has status 308",
    ),
    "not found": (saying(body(b"{}", b"HTTP/1.1 404 Not Found\r\n")), "the answer has status 404"),
    "an error": (saying(body(b'{"keys":[]}', b"HTTP/1.1 500 Oh\r\n")), "the answer has status 500"),
    "no content": (saying(b"HTTP/1.1 204 No Content\r\n\r\n"), "the answer has status 204"),
    "over 256 KiB": (saying(body(b" " * (MAX_BYTES + 1))), "the answer is over 256 KiB"),
    "without end": (saying(OK + b"\r\n", *[b" " * 65_536] * 1000), "the answer is over 256 KiB"),
    "a gzip bomb": (
        saying(body(BOMB, OK + b"Content-Encoding: gzip\r\n")),
        "the answer is compressed, although identity encoding was requested",
    ),
    "a gzip bomb that says nothing of it": (saying(body(BOMB[: MAX_BYTES // 2])), "the answer is not strictly JSON"),
    "a page": (saying(body(b"<!doctype html>")), "the answer is not strictly JSON"),
    "nothing": (saying(body(b"")), "the answer is not strictly JSON"),
    "a key twice": (saying(body(b'{"keys":[],"keys":[{}]}')), "the answer is not strictly JSON"),
    "a number that is none": (saying(body(b'{"keys":[NaN]}')), "the answer is not strictly JSON"),
    "not UTF-8": (saying(body(b'{"keys":"\xff"}')), "the answer is not strictly JSON"),
    "deep": (saying(body(b"[" * 4_000 + b"]" * 4_000)), "the answer is not strictly JSON"),
    "too many values": (saying(body(b"[" + b"[]," * 80_000 + b"[]]")), "the answer holds over 5000 values"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_answer_is_a_problem_in_our_words(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((KeysProblem, ResponseProblem)) as caught:
            await fetched(HOSTILE[name][0])
        assert str(caught.value) == HOSTILE[name][1]
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "speak",
    [
        saying(),
        saying(b"\0\0\0"),
        saying(b"HTTP/1.1 2"),
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000),
        saying(OK + b"Content-Length: 100\r\n\r\n{}"),
        saying(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        saying(OK + b"Content-Length: -1\r\n\r\n"),
        saying(OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"),
    ],
)
async def test_an_answer_that_is_no_http_is_an_error_that_the_cache_expects(speak: Speak) -> None:
    with pytest.raises((ClientError, OSError, ValueError)):
        await fetched(speak)


@pytest.mark.parametrize(
    "speak",
    [
        saying(OK, wait=10),
        saying(OK + b"\r\n", *[b" "] * 1000, wait=0.05),
        saying(*[b"H"] * 1000, wait=0.05),
    ],
)
async def test_a_slow_answer_is_given_up(speak: Speak) -> None:
    began = time.monotonic()
    with pytest.raises((TimeoutError, ClientError)):
        await fetched(speak)
    assert time.monotonic() - began < 2


async def test_nobody_there() -> None:
    async with provider(saying()) as (url, _):
        pass
    async with client() as session:
        with pytest.raises(ClientError):
            await over_http(session)(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com/jwks",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://",
        "https://[x/",
        "",
        "jwks",
        "http://127.0.0.1.example.com/",
    ],
)
async def test_only_https_and_this_machine(url: str) -> None:
    async with client() as session:
        with pytest.raises(KeysProblem, match="the URL of keys must be https"):
            await over_http(session)(url)
