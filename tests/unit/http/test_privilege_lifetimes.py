"""P6 for what lasts shorter than its token: privileges of their own, RTM's login, the Docker image's privilegeExpireTs."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import pytest

from tests.unit.http.lifetime_ways import everything
from tests.unit.http.running import Running, Serving, configuration_of
from tests.unit.http.wire import Reply
from tokend.backends.agora import v007
from tokend.backends.agora.base import MAX_TTL
from tokend.issuing.configuration import Configuration

_TTL: Final = 600
_JOIN: Final = 300
"""Seconds."""
_NUMBERS: Final = (0, 1, _TTL, _TTL + 1, -1, MAX_TTL + 1, 2**31, 2**32, 2**32 + 1, 2**63, 10**30, -(2**63))
_OTHERS: Final[tuple[Any, ...]] = (60.0, 60.5, 1e300, True, False, "60", "", "1m", [], {}, [60])
_CHANNEL: Final = {"channel": "stage", "uid": 7}
_RTC: Final = {"join": 1, "audio": 2, "video": 3, "data": 4}


class Place(NamedTuple):
    """Where seconds can be said: how an ask does, and the vendor's numbers of their service and privileges.

    `others`: further privileges of the service, with their seconds.
    """

    path: str
    token_request: Callable[[Any], dict[str, Any]]
    service: int
    privileges: set[int]
    others: Mapping[int, int] = {}


def _privilege(kind: str, name: str, service: int, number: int) -> Place:
    def token_request(asked: object) -> dict[str, Any]:
        return {"kind": kind, **_CHANNEL, "privileges": {name: asked}, "ttl": _TTL}

    return Place("/native/v1/token", token_request, service, {number})


def _rtc(kind: str, name: str) -> Place:
    """A privilege of RTC. Without the one to join, no other is any use."""

    def token_request(asked: object) -> dict[str, Any]:
        return {"kind": kind, **_CHANNEL, "privileges": _with_join(name, asked), "ttl": _TTL}

    return Place("/native/v1/token", token_request, 1, {_RTC[name]}, {} if name == "join" else {_RTC["join"]: _JOIN})


def _with_join(name: str, asked: object) -> dict[str, Any]:
    return {"join": _JOIN} | {name: asked}


def _combined(name: str) -> Place:
    def token_request(asked: object) -> dict[str, Any]:
        service = {"kind": "rtc", **_CHANNEL, "privileges": _with_join(name, asked)}
        return {"kind": "combined", "services": [service], "ttl": _TTL}

    return _rtc("rtc", name)._replace(token_request=token_request)


def _login(kind: str) -> Place:
    def token_request(asked: object) -> dict[str, Any]:
        return {"kind": kind, **_CHANNEL, "rtm_seconds": asked, "ttl": _TTL}

    return Place("/native/v1/token", token_request, 2, {1})


def _docker(asked: object) -> dict[str, Any]:
    service = {"channelName": "stage", "uid": "7", "serviceRtc": {"enable": True, "role": 1}}
    return {**service, "tokenExpireTs": _TTL, "privilegeExpireTs": asked}


PLACES: Final[Mapping[str, Place]] = {
    **{f"{kind} {name}": _rtc(kind, name) for kind in ("rtc", "rtc_rtm", "convoai", "stt") for name in _RTC},
    **{f"combined {name}": _combined(name) for name in _RTC},
    **{f"streaming {name}": _privilege("streaming", name, 3, number) for name, number in (("mixed", 1), ("raw", 2))},
    **{f"fcdn {name}": _privilege("fcdn", name, 6, number) for name, number in (("publish", 1), ("play", 2))},
    **{f"{kind} rtm_seconds": _login(kind) for kind in ("rtc_rtm", "convoai", "stt")},
    "docker's privilegeExpireTs": Place("/agora-docker/token/generate", _docker, 1, set(_RTC.values())),
}


async def _asked(server: Running, place: Place, asked: object) -> Reply:
    return await server.token_request("POST", place.path, json.dumps(place.token_request(asked)).encode())


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    return configuration_of(everything())


@pytest.mark.parametrize("name", PLACES)
async def test_it_is_what_was_asked_for_or_nothing_is_issued(
    name: str, configuration: Configuration, serving: Serving
) -> None:
    place = PLACES[name]
    tokens: dict[int, str] = {}
    async with serving(configuration) as server:
        for asked in (*_NUMBERS, *_OTHERS):
            reply = await _asked(server, place, asked)
            if type(asked) is int and 1 <= asked <= _TTL:
                assert reply.status == 200, reply.body
                tokens[asked] = reply.json["data"]["token"] if "data" in reply.json else reply.json["token"]
            else:
                assert reply.status == 400, (asked, reply.body)
                assert b"007e" not in reply.body
    assert sorted(tokens) == [1, _TTL]
    for seconds, token in tokens.items():
        content = v007.decode(token).content
        assert content.expire == _TTL
        (service,) = [service for service in content.services if service.type == place.service]
        assert service.privileges == {**place.others, **dict.fromkeys(place.privileges, seconds)}


@pytest.mark.parametrize("name", PLACES)
async def test_null_is_no_lifetime(name: str, configuration: Configuration, serving: Serving) -> None:
    """A privilege that is null is left out, and one has to be said; RTM's login is then as long as the token."""
    async with serving(configuration) as server:
        reply = await _asked(server, PLACES[name], None)
    place = PLACES[name]
    assert reply.status == (200 if "rtm_seconds" in name or place.others else 400)
    if reply.status == 200:
        services = v007.decode(reply.json["token"]).content.services
        rtc = [service.privileges for service in services if place.others and service.type == place.service]
        others = [service.privileges for service in services if service.privileges not in rtc]
        assert rtc == [place.others] * bool(place.others)
        assert {seconds for privileges in others for seconds in privileges.values()} <= {_TTL}
