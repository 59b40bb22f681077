"""Clocks cannot be used against us: a wall clock that jumps, 2038, and 2106, where a token's 32-bit time of issue ends."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.unit.http.running import DEMO as APP
from tests.unit.http.running import KEY, WORLD, Running, Serving, configuration_of
from tests.unit.http.wire import Reply
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.backends.agora import v006, v007
from tokend.backends.agora.base import MAX_TTL
from tokend.core.interfaces import Interfaces

LAST: Final = 2**32 - 1
"""2106-02-07 06:28:15 UTC: the last second that a token can say."""
KINDS: Final[dict[str, dict[str, Any]]] = {
    "007": {"kind": "rtc", "channel": "demo-1", "uid": 7},
    "006": {"kind": "rtc", "channel": "demo-1", "uid": 7, "version": "006"},
}
CONFIG: Final = (
    APP + "    routes: [{path: /demo}, {path: /old, dialect: {native: {token_version: '006'}}}]\n    ttl: {max: 1d}\n"
)
AT: Final = {"007": "/demo", "006": "/old"}


class Clock:
    """Unix seconds that are what they are told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def token_request(server: Running, version: str, ttl: int) -> Reply:
    body = {**KINDS[version], "ttl": ttl}
    return await server.token_request("POST", f"{AT[version]}/v1/token", body, ("X-API-Key", KEY))


def ends(token: str) -> set[int]:
    """Unix seconds at which any part of the token ends."""
    if token.startswith(v006.VERSION):
        return set(v006.decode(token).privileges.values())
    content = v007.decode(token).content
    lasting = [content.expire, *(one for service in content.services for one in service.privileges.values())]
    return {content.issue_ts + one for one in lasting}


@pytest.mark.parametrize("version", KINDS)
async def test_no_token_lives_longer_than_a_day_from_now_however_the_clock_jumps(
    version: str, serving: Serving
) -> None:
    clock = Clock(0.0)
    async with serving(configuration_of(CONFIG), replace(WORLD, clock=clock)) as server:
        for now in (1.8e9, 1.8e9 - 3e8, 2**31 - 1, 2**31, 2**31 + 86_400, 1.0, 2**32 - 172_802.0, 1.8e9):
            clock.now = now
            for ttl in (60, MAX_TTL):
                reply = await token_request(server, version, ttl)
                assert reply.status == 200, (now, reply.body)
                assert ends(reply.json["token"]) == {int(now) + ttl}
                assert reply.json["issued_at"] == int(now)
            too_long = await token_request(server, version, MAX_TTL + 1)
            assert (too_long.status, too_long.json["code"]) == (400, "ttl_out_of_range")


@pytest.mark.parametrize("now", [-1.0, LAST - 86_400, LAST + 1, LAST + 86_400, 2**33])
@pytest.mark.parametrize("version", KINDS)
async def test_a_time_that_a_token_cannot_hold_is_refused_and_not_wrapped(
    version: str, now: float, serving: Serving
) -> None:
    clock = Clock(now)
    async with serving(configuration_of(CONFIG), replace(WORLD, clock=clock)) as server:
        reply = await token_request(server, version, 60)
        assert (reply.status, reply.json["code"]) == (503, "unavailable")
        assert b'token":' not in reply.body
        clock.now = 1.8e9
        assert (await token_request(server, version, 60)).status == 200


async def test_limits_do_not_look_at_the_wall_clock(serving: Serving) -> None:
    clock, elapsed = Clock(1.8e9), Clock(1_000.0)
    limited = APP + "    limits: {caller: 2/h}\n"
    interfaces = Interfaces(limiter=LocalLimiter(elapsed))
    async with serving(configuration_of(limited), replace(WORLD, clock=clock, elapsed=elapsed), interfaces) as server:
        statuses = []
        for now in (1.8e9, 1.9e9, 2**31 + 1, 1.0, 4e9):
            clock.now = now
            reply = await token_request(server, "007", 60)
            statuses.append(reply.status)
        assert statuses == [200, 200, 429, 429, 429]
        elapsed.now += 1_800.0
        assert (await token_request(server, "007", 60)).status == 200
