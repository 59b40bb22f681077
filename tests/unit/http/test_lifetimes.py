"""P6: lifetimes on every route: inside the bounds it is what was asked for, outside it is refused; no third way.

Never 0, never changed in silence, never over a day: read out of the tokens.
"""

from functools import cache
from typing import Any, Final

import pytest

from tests.built_in_dialects import DIALECTS
from tests.unit.http.lifetime_ways import OF_CUSTOM, OF_DIALECTS, WAYS, Way, everything, send
from tests.unit.http.running import APP_ID, NOW, Serving, configuration_of
from tests.unit.http.wire import Reply
from tokend.backends.agora import v006, v007
from tokend.backends.agora.base import MAX_TTL
from tokend.backends.json_web_tokens import read_jwt
from tokend.dialects.contract import FORM
from tokend.issuing.configuration import Configuration

_MIN, _MAX, _DEFAULT = 120, 7_200, 3_600
_BOUNDED: Final = {"app": f"    ttl: {{default: 1h, min: {_MIN}s, max: {_MAX}s}}\n"}
_NUMBERS: Final = [
    *(_MIN - 1, _MIN, _MAX, _MAX + 1, 0, -1, 2**31, 2**32, 2**32 + 1, 2**63),
    *(MAX_TTL + 1, 10**30, -(2**63)),
]
_OTHERS: Final[list[Any]] = [600.0, 600.5, 1e300, True, False, "600", "", "1h", None, [], {}, [600]]
_TEXTS: Final = (
    *("", "600.0", "true", "abc", "null", "1h", " 600", "600 ", "+600", "0600", "0x258", "6_00", "6e2"),
    *("６００", "١٢٠", str(10**30)),
)
_WITH_FIELD: Final = [name for name, way in WAYS.items() if way.field]
_WITHOUT: Final = [name for name, way in WAYS.items() if not way.field]


@cache
def _configuration(**parts: str) -> Configuration:
    """`everything` with these parts."""
    return configuration_of(everything(**parts))


def test_every_endpoint_of_every_dialect_is_tried() -> None:
    there = {
        f"{dialect.name} {one.method} {one.path}"
        for dialect in DIALECTS.values()
        if dialect.name != "pusher"  # its authorizations have no lifetime
        for one in dialect.endpoints
        if one.description is not None and one.path not in ("v1/inspect", "openapi.json", "docs")
    }
    assert there == {f"{dialect} {way.endpoint}" for dialect, ways in OF_DIALECTS.items() for way in ways}
    assert {way.endpoint for way in OF_CUSTOM} == {f"{one} /{at}" for one in ("GET", "POST") for at in _CUSTOM_ROUTES}


_CUSTOM_ROUTES: Final = ("text", "both", "wide")


def _lifetimes(token: str) -> set[int]:
    """In seconds, of the token and of each privilege; FPA's stands at 0 in the vendor's own builder too.

    Of TURN credentials the username alone shows the expiry.
    """
    if token.endswith(":ada"):
        return {int(token.removesuffix(":ada")) - NOW}
    if token.startswith("006"):
        old = v006.decode(token)
        return {until - old.issue_ts for until in old.privileges.values()}
    if token.startswith("eyJ"):
        claims = read_jwt(token).claims
        return {claims["exp"] - claims["nbf"]}
    content = v007.decode(token).content
    return {content.expire, *(ttl for one in content.services if one.type != 4 for ttl in one.privileges.values())}


def _tokens(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [token for one in value.values() for token in _tokens(one)]
    if isinstance(value, list):
        return [token for one in value for token in _tokens(one)]
    if not isinstance(value, str):
        return []
    return [value] if value.startswith(("007e", f"006{APP_ID}", "eyJ")) or value.endswith(":ada") else []


def _said(reply: Reply) -> Any:
    """The answer; a plain text that is a token, or a refusal, as JSON would say it."""
    if reply.headers["content-type"].startswith("text/plain"):
        code, colon, sentence = reply.body.decode().partition(": ")
        return {"code": code, "field": sentence.partition(" ")[0], "error": sentence} if colon else [code]
    return reply.json


def _check(reply: Reply, way: Way, asked: object, bounds: tuple[int, int] = (_MIN, _MAX)) -> None:
    """Either every lifetime of every token is the one asked for, or nothing was minted and the field is named."""
    said = _said(reply)
    if type(asked) is int and bounds[0] <= asked <= bounds[1]:
        _check_granted(reply, asked)
        return
    api_error = said if reply.status != 200 else _of_200(said)
    code = "ttl_out_of_range" if type(asked) is int else "invalid_field"
    assert (api_error.get("reason", api_error["code"]), api_error["field"]) == (code, way.field), api_error
    assert _tokens(said) == []
    if not way.absolute:
        sentence = next(api_error[name] for name in ("detail", "error", "message") if name in api_error)
        assert ("Unix timestamp" in sentence) is (type(asked) is int and asked >= 10**9)


def _check_granted(reply: Reply, seconds: int) -> None:
    said = _said(reply)
    assert reply.status in (200, 201), said
    assert _tokens(said) or "rule_results" in said
    for token in _tokens(said):
        assert _lifetimes(token) == {seconds}


def _of_200(answer: dict[str, Any]) -> dict[str, Any]:
    """The refusal inside the answer of a batch or an explanation."""
    found: dict[str, Any] = answer["results"][0]["error"] if "results" in answer else answer["error"]
    return found


@pytest.mark.parametrize("name", _WITH_FIELD)
async def test_the_whole_table(name: str, serving: Serving) -> None:
    way = WAYS[name]
    async with serving(_configuration(**_BOUNDED)) as server:
        for number in _NUMBERS:
            if not way.in_text or abs(number) < 10**19 - NOW:
                _check(await send(server, way, number), way, number)
        if not way.in_text:
            for other in _OTHERS:
                _check(await send(server, way, other), way, other)
        for text in _TEXTS if way.in_text else ():
            reply = await send(server, way, text.replace(" ", "%20").replace("+", "%2B"))
            if way.empty_is_none and not text:
                _check_granted(reply, _DEFAULT)
                continue
            assert reply.status == 400
            assert _tokens(_said(reply)) == []
            if text.isascii():
                assert _said(reply)["field"] == way.field
        _check_granted(await send(server, way, None, sent=False), _DEFAULT)


@pytest.mark.parametrize("name", _WITHOUT)
async def test_a_contract_without_lifetimes_gives_the_routes_own(name: str, serving: Serving) -> None:
    """Whatever is sent all the same: a query is passed over, a field of a body is unknown."""
    way = WAYS[name]
    async with serving(_configuration(**_BOUNDED)) as server:
        _check_granted(await send(server, way, None, sent=False), _DEFAULT)
        for field in ("ttl", "expire", "expiry", "expireTime", "expiredTs", "tokenExpireTs"):
            reply = await send(server, way._replace(field=field), 600)
            if way.in_text:
                _check_granted(reply, _DEFAULT)
            else:
                code = _said(reply).get("reason", _said(reply)["code"])
                assert (reply.status, code, _said(reply)["field"]) == (400, "unknown_field", field)


@pytest.mark.parametrize("user", ["tokenType=app", "tokenType=user&userId=ada"])
async def test_in_the_query_of_a_form(user: str, serving: Serving) -> None:
    way = Way("", f"/agora-samples-chat/token/generate?{user}", "expireSeconds")
    async with serving(_configuration(**_BOUNDED)) as server:
        for number in (*_NUMBERS[:10], "", "600.0", "true"):
            reply = await server.token_request(
                "POST", f"{way.target}&expireSeconds={number}", b"", ("Content-Type", FORM)
            )
            _check(reply, way, number)


async def test_a_point_in_time_is_no_lifetime_and_a_lifetime_no_point_in_time(serving: Serving) -> None:
    way = next(one for one in WAYS.values() if one.absolute)._replace(absolute=False)
    async with serving(_configuration(**_BOUNDED)) as server:
        for wrong in (0, -1, 600, NOW, NOW - 1, NOW + _MIN - 1, NOW + _MAX + 1, NOW * 1000, 2**31, 2**32, 2**63):
            reply = await send(server, way, wrong)
            assert (reply.status, reply.json["code"], reply.json["field"]) == (400, "ttl_out_of_range", "expiredTs")
            assert "give seconds from now" not in reply.json["error"]
        for text in ("soon", f"{NOW + 600}.0", "2027-01-15"):
            reply = await send(server, way, text)
            assert (reply.status, reply.json["code"], reply.json["field"]) == (400, "invalid_field", "expiredTs")


_TABLE: Final = (0, -1, 1, 2**31, 2**32, 2**32 + 1, 2**63)
_TOO_LONG: Final = (MAX_TTL, MAX_TTL + 1)


@pytest.mark.parametrize("name", _WITH_FIELD)
async def test_the_platforms_own_bounds(name: str, serving: Serving) -> None:
    way = WAYS[name]
    async with serving(_configuration()) as server:
        for number in (*_TABLE, *_TOO_LONG, 59, 60):
            if not way.in_text or number < 10**19 - NOW:
                _check(await send(server, way, number), way, number, (60, MAX_TTL))


@pytest.mark.parametrize("name", WAYS)
async def test_the_bounds_of_a_route_inside_those_of_its_app(name: str, serving: Serving) -> None:
    way = WAYS[name]
    configuration = _configuration(
        app="    ttl: {min: 2m, max: 2h}\n", route=", ttl: {default: 20m, min: 10m, max: 30m}"
    )
    async with serving(configuration) as server:
        for number in (*_TABLE, *_TOO_LONG, 120, 599, 600, 1_800, 1_801, 7_200) if way.field else ():
            if not way.in_text or number < 10**19 - NOW:
                _check(await send(server, way, number), way, number, (600, 1_800))
        _check_granted(await send(server, way, None, sent=False), 1_200)


@pytest.mark.parametrize("name", WAYS)
async def test_the_most_that_a_rule_permits(name: str, serving: Serving) -> None:
    """Over it is 403, over the app's too is 400; without a lifetime the rule's most is what is given."""
    way = WAYS[name]
    async with serving(_configuration(app="    ttl: {max: 2h}\n", rule=", ttl: {max: 30m}")) as server:
        _check_granted(await send(server, way, None, sent=False), 1_800)
        for number in (1_800, 60) if way.field else ():
            _check(await send(server, way, number), way, number, (60, 1_800))
        for number in (1_801, 7_200) if way.field else ():
            reply = await send(server, way, number)
            api_error = _said(reply) if reply.status != 200 else _of_200(_said(reply))
            assert api_error.get("reason", api_error["code"]) == "not_permitted"
            assert _tokens(_said(reply)) == []
        for number in (*_TABLE[:2], 59, 7_201, *_TABLE[3:6], *_TOO_LONG) if way.field else ():
            _check(await send(server, way, number), way, number, (60, 7_200))


@pytest.mark.parametrize("name", _WITH_FIELD)
async def test_a_route_that_clamps_says_so_and_takes_neither_0_nor_timestamps(name: str, serving: Serving) -> None:
    way = WAYS[name]
    async with serving(_configuration(route=", on_excess: clamp, ttl: {max: 30m}")) as server:
        for number in (1_801, *_TOO_LONG, 10**9 - 1):
            reply = await send(server, way, number)
            _check_granted(reply, 1_800)
            if not reply.headers["content-type"].startswith("text/plain"):
                assert b"1800" in reply.body, "a ttl that was cut short is told"
        for number in (0, -1, 59, 2**31, 2**32, 2**32 + 1, 2**63):
            if not way.in_text or number < 10**19 - NOW:
                _check(await send(server, way, number), way, number, (60, 1_800))
