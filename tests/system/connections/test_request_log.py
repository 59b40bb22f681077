"""One JSON line a request, with the keys that are meant and none of what clients send or the server holds."""

import base64
from urllib.parse import quote

from msgspec.structs import replace

from tests.system.connections.limited import Limited, serving_limited
from tests.unit.http.running import CERTIFICATE, DEMO, KEY
from tests.unit.http.wire import request_bytes

_KEYS = {
    *("time", "level", "event", "instance", "request_id", "method", "route", "app", "kind", "outcome", "status"),
    "duration_ms",
}
_CANARY = "canary-7f3a9c51"


async def test_the_lines_of_good_and_bad_requests() -> None:
    key = ("X-API-Key", KEY)
    async with serving_limited(DEMO) as server:
        await server.token_request("GET", "/demo/rtc/stage/host/uid/7/?expiry=600", None, key)
        await server.token_request("GET", "/demo/rte/stage/host/uid/7/", None, key)
        await server.token_request("GET", "/demo/rtm/0/", None, key)
        await server.token_request("POST", "/demo/v1/token", {"kind": "chat", "user": "ada"})
        await server.token_request("GET", "/demo/nothing", None)
        await server.token_request("GET", "/ping", None)
        await server.token_request("OPTIONS", "/demo/rtm/ada", None)
        await server.token_request(
            "POST", "/demo/v1/tokens", {"requests": [{"kind": "rtm", "user": "ada"}, {"kind": "x"}]}, key
        )
        lines = server.lines
    assert all(line.keys() - {"caller"} == _KEYS for line in lines)
    assert [line.get("caller") for line in lines] == [*["studio"] * 2, *[None] * 5, "studio"]
    names = ("method", "route", "app", "kind", "outcome", "status")
    rtc = "/demo/rtc/{channel}/{role}/{tokenType}/{rtcuid}"
    assert [tuple(line[name] for name in names) for line in lines] == [
        ("GET", rtc, "demo", "rtc", "issued", 200),
        ("GET", rtc.replace("rtc/", "rte/", 1), "demo", "rtc+rtm", "issued", 200),
        ("GET", "/demo/rtm/{rtmuid}", "demo", None, "invalid_field", 400),
        ("POST", "/demo/v1/token", "demo", None, "unauthenticated", 401),
        ("GET", None, "demo", None, "not_found", 404),
        ("GET", "/ping", None, None, "ok", 200),
        ("OPTIONS", "/demo/rtm/{rtmuid}", "demo", None, "ok", 204),
        ("POST", "/demo/v1/tokens", "demo", "rtm", "invalid_field", 200),
    ]
    assert lines[0]["time"] == "2027-01-15T08:00:00.000+00:00"
    assert lines[0]["request_id"] == "request-1"


def _forms(text: str) -> set[bytes]:
    """The text as it is, in hex, in base64 at each offset, and escaped as in a URL; lower-case where that is possible."""
    raw = text.encode()
    found = {raw, raw.hex().encode(), quote(text, safe="").encode(), "".join(f"%{one:02x}" for one in raw).encode()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        # what depends on neighbouring bytes is cut off
        found.add(encoded[0 if offset == 0 else 4 : len(encoded) - 4])
    return found


async def _requests(server: Limited) -> list[bytes]:
    """Requests that hold the canary wherever a client can put something; the answers, for their tokens."""
    named = f'"{_CANARY}"'
    bodies = [
        f'{{"kind": "rtm", "user": {named}}}',
        f'{{"kind": {named}}}',
        f'{{{named}: 1, "kind": "rtc"}}',
        f'{{"kind": "rtc", "channel": {named}, "account": {named}}}',
        f'{{"kind": "rtc", "channel": {named}, "uid": {named}}}',
        f'{{"token": {named}, "channel": {named}, "user": {named}}}',
        f'{{"tokenType": "chat", "uid": {named}}}',
        f'{{"tokenType": {named}}}',
        f'{{"requests": [{{"kind": "rtm", "user": {named}}}, {named}]}}',
        f"{_CANARY}",
        f"{{{named}: 1, {named}: 2}}",
    ]
    paths = ["v1/token", "v1/tokens", "v1/explain", "v1/inspect", "getToken", _CANARY]
    targets = [
        *(f"/demo/rtm/{_CANARY}", f"/demo/rtc/{_CANARY}/host/userAccount/{_CANARY}?expiry={_CANARY}"),
        *(f"/demo/rte/{_CANARY}/{_CANARY}/uid/7", f"/demo/chat/account/{_CANARY}?{_CANARY}={_CANARY}"),
        *(f"/{_CANARY}", f"/demo/{_CANARY}", f"/ping?{_CANARY}", f"/demo/rtm/{_CANARY}%zz", f"/demo/rtm/{_CANARY}%00"),
        *(f"/demo/rtm/{_CANARY}#x", f"/demo/rtm/*?{_CANARY}", f"//{_CANARY}/", f"/demo/rtc/x/host/uid/{_CANARY}"),
    ]
    headers: list[list[tuple[str, str]]] = [
        [("X-API-Key", KEY)],
        [("Authorization", f"Bearer {_CANARY}")],
        [("X-API-Key", _CANARY), ("Origin", f"https://{_CANARY}.example.com")],
        [("X-API-Key", KEY), ("Host", f"{_CANARY}.example.com"), ("User-Agent", _CANARY), ("Content-Type", _CANARY)],
        [("X-API-Key", KEY), ("X-Request-ID", _CANARY), ("X-Forwarded-For", _CANARY), ("Content-Encoding", _CANARY)],
        [("X-API-Key", KEY), ("Expect", _CANARY), ("X-API-Key", _CANARY), (f"X-{_CANARY} ", _CANARY)],
    ]
    answers = []
    for extra in headers:
        answers += [
            (await server.send(request_bytes(method, target, None, *extra))).body
            for target in targets
            for method in ("GET", "OPTIONS", "DELETE")
        ]
        answers += [
            (await server.token_request("POST", f"/demo/{path}?{_CANARY}", body.encode(), *extra)).body
            for path in paths
            for body in bodies
        ]
    return answers


async def test_nothing_that_a_client_sends_and_no_secret_is_in_the_log() -> None:
    async with serving_limited(DEMO) as server:
        answers = await _requests(server)
        server.control.active = replace(server.control.active, interfaces=None)
        answers += await _requests(server)
        log, lines = server.log.getvalue(), server.lines
    tokens = [part for body in answers for part in body.decode().split('"') if part.startswith("007eJ")]
    assert len(tokens) >= 10
    assert {line["status"] for line in lines} >= {200, 204, 400, 401, 404, 405, 415, 500}
    extra = {"exception", "at", "caller", "trace_id", "reason", "cors"}
    assert [line for line in lines if line.keys() - extra != _KEYS] == []
    for secret in {_CANARY, CERTIFICATE, KEY, "tokens.example.com", *tokens}:
        for form in _forms(secret):
            assert form not in log
            assert form.lower() not in log.lower()
    for form in _forms(CERTIFICATE):
        assert not any(form in body for body in answers)
