"""Whatever a backend says that is not the one answer: 503, the reason in the log in our words, and never a token."""

import gzip

import pytest

from tests.system.providers.speaking import OK, Speak, body, provider, saying
from tests.unit.adapters.authorizer_backend import HEADER, asking
from tests.unit.adapters.test_webhook_over_http import token
from tokend.adapters.webhook import MAX_BYTES

ALLOW = b'{"allow":true}'


def status(line: bytes, content: bytes = ALLOW) -> Speak:
    return saying(body(content, b"HTTP/1.1 " + line + b"\r\n"))


HOSTILE: dict[str, tuple[Speak, str]] = {
    "a redirect": (status(b"302 Found\r\nLocation: http://127.0.0.1:1/"), "the answer has status 302"),
    "a kept redirect": (status(b"307 Temporary Redirect\r\nLocation: /"), "the answer has status 307"),
    "created": (status(b"201 Created"), "the answer has status 201"),
    "no content": (saying(b"HTTP/1.1 204 No Content\r\n\r\n"), "the answer has status 204"),
    "unauthorized": (status(b"401 Unauthorized"), "the answer has status 401"),
    "forbidden": (status(b"403 Forbidden", b'{"allow":false}'), "the answer has status 403"),
    "not found": (status(b"404 Not Found"), "the answer has status 404"),
    "an error": (status(b"500 Oh"), "the answer has status 500"),
    "busy": (status(b"503 Busy\r\nRetry-After: 1"), "the answer has status 503"),
    "over 16 KiB": (saying(body(ALLOW + b" " * MAX_BYTES)), "the answer is over 16 KiB"),
    "without end": (saying(OK + b"\r\n", *[b" " * 4_096] * 1000), "the answer is over 16 KiB"),
    "compressed": (
        saying(body(gzip.compress(ALLOW), OK + b"Content-Encoding: gzip\r\n")),
        "the answer is compressed, although identity encoding was requested",
    ),
    "a page": (saying(body(b"<!doctype html>")), "the answer is not strictly JSON"),
    "nothing": (saying(body(b"")), "the answer is not strictly JSON"),
    "a key twice": (saying(body(b'{"allow":false,"allow":true}')), "the answer is not strictly JSON"),
    "a text": (saying(body(b'"allow"')), "the answer is invalid: must be a mapping"),
    "allow as text": (saying(body(b'{"allow":"false"}')), "the answer is invalid: allow: must be true or false"),
    "a misspelling": (
        saying(body(b'{"allow":true,"restrct":{"ttl":60}}')),
        "the answer is invalid: an unknown field, did you mean 'restrict'?",
    ),
    "cut short": (saying(OK + b"Content-Length: 100\r\n\r\n" + ALLOW), "it cannot be reached: ClientPayloadError"),
    "a bad chunk": (
        saying(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        "it cannot be reached: ",
    ),
    "no HTTP": (saying(b"\0\0\0"), "it cannot be reached: "),
    "hanging up": (saying(), "it cannot be reached: the connection was closed without an answer"),
    "endless headers": (saying(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000), "it cannot be reached: "),
    "a slow head": (saying(*(bytes([one]) for one in OK), wait=0.1), "no answer within 1 s"),
    "a slow body": (saying(OK + b"\r\n", *[b" "] * 100, wait=0.1), "no answer within 1 s"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_token(name: str) -> None:
    speak, reason = HOSTILE[name]
    async with provider(speak) as (url, asked), asking(f"{url}/authorize", ", cache: 60s") as server:
        reply = await token(server)
        assert (reply.status, reply.json["code"]) == (503, "unavailable")
        assert reply.json["detail"] == "the app's authorizer does not answer"
        assert b"007" not in reply.body
        (line,) = server.lines
        assert str(line["reason"]).startswith(f"authorizer: {reason}")
        before = len(asked)
        if "slow" not in name:
            await token(server)
            assert len(asked) > before, "no failure is kept"


async def test_nobody_there() -> None:
    async with provider(saying()) as (url, _):
        pass
    async with asking(f"{url}/authorize") as server:
        assert (await token(server)).status == 503
        two = {"requests": [{"kind": "rtc", "channel": "room-1", "uid": uid} for uid in (1, 2)]}
        batch = await server.token_request("POST", "/demo/v1/tokens", two, HEADER)
    assert [one["error"]["code"] for one in batch.json["results"]] == ["unavailable"] * 2
    assert {line["reason"] for line in server.lines} == {
        "authorizer: it cannot be reached: no connection: Connection refused"
    }
