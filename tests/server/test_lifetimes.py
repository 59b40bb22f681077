"""Lifetimes on every route that takes one: inside the bounds it is what was asked for, outside it is 400; no third way."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.running import OPEN, Reply, Running, serving
from tokend.wire import v007

_MIN, _MAX = 120, 7_200
_TEXT = OPEN.replace("    routes:", f"    ttl: {{default: 1h, min: {_MIN}s, max: {_MAX}s}}\n    routes:")
_NUMBERS = [_MIN - 1, _MIN, _MAX, _MAX + 1, 0, -1, 2**31, 2**32, 2**32 + 1, 2**63, 86_401, 10**30, -(2**63)]
_OTHERS: list[Any] = [600.0, 600.5, 1e300, True, False, "600", "", "1h", None, [], {}, [600]]
_QUERY_TEXTS = [
    "",
    "600.0",
    "true",
    "abc",
    "null",
    "1h",
    " 600",
    "600 ",
    "+600",
    "0600",
    "0x258",
    "6_00",
    "６００",
    "١٢٠",
    "6e2",
]

_PATHS = [
    "/rtc/stage/host/uid/7/",
    "/rtm/ada/",
    "/rte/stage/host/uid/7/",
    "/rte/stage/host/uid/7/ada/",
    "/chat/app/",
    "/chat/account/ada/",
]
_BODIES: dict[str, tuple[str, str, Callable[[Any], dict[str, Any]]]] = {
    "rtc": ("/v1/token", "ttl", lambda ttl: {"kind": "rtc", "channel": "stage", "uid": 7, "ttl": ttl}),
    "rtm": ("/v1/token", "ttl", lambda ttl: {"kind": "rtm", "user": "ada", "ttl": ttl}),
    "chat": ("/v1/token", "ttl", lambda ttl: {"kind": "chat", "user": "ada", "ttl": ttl}),
    "batch": ("/v1/tokens", "ttl", lambda ttl: {"asks": [{"kind": "rtm", "user": "ada", "ttl": ttl}]}),
    "explain": ("/v1/explain", "ttl", lambda ttl: {"kind": "rtm", "user": "ada", "ttl": ttl}),
    "getToken rtc": (
        "/getToken",
        "expire",
        lambda ttl: {"tokenType": "rtc", "channel": "stage", "uid": "7", "expire": ttl},
    ),
    "getToken rtm": ("/getToken", "expire", lambda ttl: {"tokenType": "rtm", "uid": "ada", "expire": ttl}),
    "getToken chat": ("/getToken", "expire", lambda ttl: {"tokenType": "chat", "expire": ttl}),
}


def _tokens(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [token for one in value.values() for token in _tokens(one)]
    if isinstance(value, list):
        return [token for one in value for token in _tokens(one)]
    return [value] if isinstance(value, str) and value.startswith("007e") else []


def _check(reply: Reply, field: str, asked: object) -> None:
    """Either every lifetime of every token is the one asked for, or nothing was minted and the field is named."""
    tokens = _tokens(reply.json)
    if type(asked) is int and _MIN <= asked <= _MAX:
        assert reply.status == 200
        for content in (v007.decode(token).content for token in tokens):
            assert {content.expire, *(ttl for one in content.services for ttl in one.privileges.values())} == {asked}
        return
    refusal = reply.json if reply.status != 200 else _of_200(reply.json)
    code = "ttl_out_of_range" if type(asked) is int else "invalid_field"
    assert (refusal["code"], refusal["field"], tokens) == (code, field, [])
    assert ("Unix timestamp" in refusal["detail" if "detail" in refusal else "error"]) is (
        type(asked) is int and asked >= 10**9
    )


def _of_200(answer: dict[str, Any]) -> dict[str, Any]:
    """The refusal inside the answer of a batch or an explanation."""
    found: dict[str, Any] = answer["results"][0]["error"] if "results" in answer else answer["refusal"]
    return found


async def _post(server: Running, path: str, body: object) -> Reply:
    return await server.ask("POST", path, json.dumps(body).encode())


@pytest.mark.parametrize("path", _PATHS)
async def test_in_a_query(path: str) -> None:
    async with serving(_TEXT) as server:
        for asked in _NUMBERS:
            if abs(asked) < 10**19:
                _check(await server.ask("GET", f"{path}?expiry={asked}"), "expiry", asked)
        for text in (*_QUERY_TEXTS, str(10**30)):
            reply = await server.ask("GET", f"{path}?expiry={text.replace(' ', '%20')}".replace("+", "%2B"))
            if text.isascii():
                assert reply.json["field"] == "expiry"
            assert (reply.status, _tokens(reply.json)) == (400, [])
        assert len(_tokens((await server.ask("GET", path)).json)) >= 1


@pytest.mark.parametrize("name", _BODIES)
async def test_in_a_body(name: str) -> None:
    path, field, body = _BODIES[name]
    async with serving(_TEXT) as server:
        for asked in (*_NUMBERS, *_OTHERS):
            reply = await _post(server, path, body(asked))
            if path == "/v1/explain" and reply.status == 400:
                assert type(asked) is not int
            _check(reply, field, asked)
        unsaid = body(None)
        for holder in (unsaid, *unsaid.get("asks", [])):
            holder.pop(field, None)
        assert (await _post(server, path, unsaid)).status == 200


async def test_the_rule_the_route_and_the_app_bound_it_each() -> None:
    text = OPEN.replace("app_admin]", "app_admin], ttl: {max: 30m}").replace(
        "routes: [{at: /}]", "ttl: {max: 2h}\n    routes: [{at: /, ttl: {max: 1h}}]"
    )
    async with serving(text) as server:
        for expiry, status in ((1_800, 200), (1_801, 403), (3_600, 403), (3_601, 400), (7_200, 400), (86_401, 400)):
            assert (await server.ask("GET", f"/rtm/ada?expiry={expiry}")).status == status
        (token,) = _tokens((await server.ask("GET", "/rtm/ada")).json)
        assert v007.decode(token).content.expire == 1_800
