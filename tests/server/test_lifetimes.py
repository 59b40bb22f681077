"""Lifetimes on every route that takes one: inside the bounds it is what was asked for, outside it is 400; no third way."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.dialects.transcripts import ANYBODY
from tests.server.running import APP_ID, NOW, OPEN, Reply, Running, serving
from tokend.dialects import DIALECTS
from tokend.wire import v006, v007

_MIN, _MAX = 120, 7_200
_TEXT = OPEN.replace("    routes:", f"    ttl: {{default: 1h, min: {_MIN}s, max: {_MAX}s}}\n    routes:")
_OTHER_ROUTES = "".join(f"      - {{at: /{name}, dialect: {name}}}\n" for name in DIALECTS)
_EVERYTHING = f"""{ANYBODY["every power"]}    ttl: {{default: 1h, min: {_MIN}s, max: {_MAX}s}}
    routes:
{_OTHER_ROUTES}
      - {{at: /text, kind: rtm, answer: "{{token}}"}}
      - {{at: /both, kinds: [rtc, rtm], answer: {{a: "{{rtc.token}}", b: ["{{rtm.token}}"]}}}}
      - {{at: /wide, kind: rtm, set: {{user: ada}}, default: {{ttl: 600}}}}
"""
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
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_MORE_PATHS = {
    **{
        f"/{name}{path}": field
        for name, fields in (("agora-token-guide", ("expiry", "expireTime")), ("agora-node-server", ("expiry",)))
        for field in fields
        for path in ("/rtc/stage/host/uid/7", "/rtm/ada/", "/rte/stage/host/uid/7")
    },
    "/agora-samples-chat/api/token/generateUserToken?account=ada": "expireTimeInSeconds",
    "/agora-samples-chat/api/token/generateAppToken": "expireTimeInSeconds",
    "/text?user=ada": "ttl",
    "/both?channel=stage&uid=7&user=ada": "ttl",
    "/wide": "ttl",
}
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
_GENERATE = {"appId": APP_ID, "channelName": "stage", "uid": "7"}
_KINDS: dict[str, dict[str, Any]] = {
    **{kind: {"channel": "stage", "uid": 7} for kind in ("streaming", "fcdn", "rtc_rtm", "convoai", "stt")},
    "apaas": {"room": "room", "user": "ada"},
    "rtm2": {"user": "ada"},
    "combined": {"services": [{"kind": "rtm", "user": "ada"}]},
}


def _asking(kind: str, **fields: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda ttl: {"kind": kind, **fields, "ttl": ttl}


_MORE_BODIES: dict[str, tuple[str, str, Callable[[Any], dict[str, Any]]]] = {
    "fetchToken": (
        "/agora-samples/fetchToken",
        "expire",
        lambda ttl: {"tokenType": "rtc", "channel": "stage", "uid": "7", "expire": ttl},
    ),
    "getNew": ("/agora-samples/token/getNew", "expire", lambda ttl: {"tokenType": "rtm", "uid": "ada", "expire": ttl}),
    "generate RTC": ("/agora-samples/v1/token/generate", "expire", lambda ttl: {**_GENERATE, "type": 1, "expire": ttl}),
    "generate RTM": ("/agora-samples/v1/token/generate", "expire", lambda ttl: {**_GENERATE, "type": 2, "expire": ttl}),
    "generate both": (
        "/agora-samples/v2/token/generate",
        "expire",
        lambda ttl: {**_GENERATE, "types": [1, 2], "expire": ttl},
    ),
    "docker": (
        "/agora-docker/token/generate",
        "tokenExpireTs",
        lambda ttl: {"channelName": "stage", "uid": "7", "serviceRtc": {"enable": True}, "tokenExpireTs": ttl},
    ),
    "chat user": (
        "/agora-samples-chat/generate-user-token",
        "expire",
        lambda ttl: {"user_uuid": "ada", "expire": ttl},
    ),
    "chat app": ("/agora-samples-chat/generate-app-token", "expire", lambda ttl: {"expire": ttl}),
    "custom text": ("/text", "ttl", lambda ttl: {"user": "ada", "ttl": ttl}),
    "custom kinds": ("/both", "ttl", lambda ttl: {"channel": "stage", "uid": 7, "user": "ada", "ttl": ttl}),
    "custom set": ("/wide", "ttl", lambda ttl: {"ttl": ttl}),
    **{f"kind {kind}": ("/native/v1/token", "ttl", _asking(kind, **fields)) for kind, fields in _KINDS.items()},
}


def _lifetimes(token: str) -> set[int]:
    """In seconds, of the token and of each privilege."""
    if token.startswith("006"):
        old = v006.decode(token)
        return {until - old.issue_ts for until in old.privileges.values()}
    content = v007.decode(token).content
    return {content.expire, *(ttl for one in content.services for ttl in one.privileges.values())}


def _tokens(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [token for one in value.values() for token in _tokens(one)]
    if isinstance(value, list):
        return [token for one in value for token in _tokens(one)]
    return [value] if isinstance(value, str) and value.startswith(("007e", f"006{APP_ID}")) else []


def _said(reply: Reply) -> Any:
    """The answer; a plain text that is a token, or a refusal, as JSON would say it."""
    if reply.headers["content-type"].startswith("text/plain"):
        code, colon, sentence = reply.body.decode().partition(": ")
        return {"code": code, "field": sentence.partition(" ")[0], "error": sentence} if colon else [code]
    return reply.json


def _check(reply: Reply, field: str, asked: object) -> None:
    """Either every lifetime of every token is the one asked for, or nothing was minted and the field is named."""
    said = _said(reply)
    tokens = _tokens(said)
    if type(asked) is int and _MIN <= asked <= _MAX:
        assert reply.status == 200
        assert tokens or "trials" in said
        assert all(_lifetimes(token) == {asked} for token in tokens)
        return
    refusal = said if reply.status != 200 else _of_200(said)
    code = "ttl_out_of_range" if type(asked) is int else "invalid_field"
    assert (refusal.get("reason", refusal["code"]), refusal["field"], tokens) == (code, field, [])
    sentence = next(refusal[name] for name in ("detail", "error", "message") if name in refusal)
    assert ("Unix timestamp" in sentence) is (type(asked) is int and asked >= 10**9)


def _of_200(answer: dict[str, Any]) -> dict[str, Any]:
    """The refusal inside the answer of a batch or an explanation."""
    found: dict[str, Any] = answer["results"][0]["error"] if "results" in answer else answer["refusal"]
    return found


async def _post(server: Running, path: str, body: object) -> Reply:
    return await server.ask("POST", path, json.dumps(body).encode())


async def _texts(ask: Callable[[str], Awaitable[Reply]], field: str) -> None:
    """`ask` sends a lifetime as text, percent-encoded."""
    for asked in _NUMBERS:
        if abs(asked) < 10**19:
            _check(await ask(f"{field}={asked}"), field, asked)
    for text in (*_QUERY_TEXTS, str(10**30)):
        reply = await ask(f"{field}={text.replace(' ', '%20').replace('+', '%2B')}")
        said = _said(reply)
        if text.isascii():
            assert said["field"] == field
        assert (reply.status, _tokens(said)) == (400, [])
    assert len(_tokens(_said(await ask("")))) >= 1


@pytest.mark.parametrize("path", _PATHS)
async def test_in_a_query(path: str) -> None:
    async with serving(_TEXT) as server:
        await _texts(lambda query: server.ask("GET", f"{path}?{query}"), "expiry")


@pytest.mark.parametrize("path", _MORE_PATHS)
async def test_in_a_query_of_the_other_dialects(path: str) -> None:
    mark = "&" if "?" in path else "?"
    async with serving(_EVERYTHING) as server:
        await _texts(lambda query: server.ask("GET", f"{path}{mark}{query}"), _MORE_PATHS[path])


@pytest.mark.parametrize("user", ["tokenType=app", "tokenType=user&userId=ada"])
async def test_in_a_form_and_in_the_query_of_a_form(user: str) -> None:
    path = "/agora-samples-chat/token/generate"
    async with serving(_EVERYTHING) as server:
        await _texts(lambda query: server.ask("POST", f"{path}?{user}&{query}"), "expireSeconds")

        async def in_form(text: str) -> Reply:
            body = f"{user}&{text}".encode("utf-8", "surrogateescape")
            return await server.ask("POST", path, body, _FORM)

        await _texts(in_form, "expireSeconds")


async def test_a_point_in_time_for_a_lifetime() -> None:
    """`expiredTs` of the older Node server is absolute: what lies between it and now has to be within the bounds."""
    path = "/agora-samples/access_token?channel=stage&uid=7&expiredTs="
    async with serving(_EVERYTHING) as server:
        for ttl in (_MIN, 600, _MAX):
            (token,) = _tokens((await server.ask("GET", f"{path}{NOW + ttl}")).json)
            assert _lifetimes(token) == {ttl}
        for wrong in (0, -1, 600, NOW, NOW - 1, NOW + _MIN - 1, NOW + _MAX + 1, NOW * 1000, 2**31, 2**63):
            reply = await server.ask("GET", f"{path}{wrong}")
            assert (reply.status, reply.json["code"], reply.json["field"]) == (400, "ttl_out_of_range", "expiredTs")
            assert "give seconds from now" not in reply.json["error"]
        for text in ("", "soon", "1800000600.0", "2027-01-15"):
            reply = await server.ask("GET", path + text)
            assert (reply.status, reply.json["code"], reply.json["field"]) == (400, "invalid_field", "expiredTs")


@pytest.mark.parametrize("name", [*_BODIES, *_MORE_BODIES])
async def test_in_a_body(name: str) -> None:
    path, field, body = {**_BODIES, **_MORE_BODIES}[name]
    async with serving(_TEXT if name in _BODIES else _EVERYTHING) as server:
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
