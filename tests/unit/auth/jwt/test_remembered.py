"""What a token was found to be is remembered for its key: asking again changes nothing, but for the time that it takes."""

import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.auth.jwt.making import CLAIMS, SECRET, configuration_of, good, keys, with_secret
from tests.unit.http.running import NOW, WORLD, Serving
from tokend.auth.contract import AppContext, Credentials
from tokend.auth.jwt import CACHE_BYTES, Jwt, cached_size
from tokend.auth.jwt_options import JwtOptions
from tokend.core.errors import ApiError
from tokend.core.interfaces import Interfaces, Keys, KeySource
from tokend.core.remembered import Remembered
from tokend.core.secrets import Secret

_ASK = {"kind": "rtc", "channel": "room-acme-1", "role": "publisher"}


class _Withdrawn(Keys):
    """Keys that the provider can take back."""

    def __init__(self) -> None:
        self.there = True

    async def get_keys(self, source: KeySource) -> Sequence[Any]:
        return await keys().refresh_keys(source) if self.there else ()

    async def refresh_keys(self, source: KeySource) -> Sequence[Any]:
        return await self.get_keys(source)


async def test_a_remembered_token_is_refused_once_its_key_is_withdrawn(serving: Serving) -> None:
    known = _Withdrawn()
    async with serving(configuration_of(), interfaces=Interfaces(keys=known)) as server:
        bearer = ("Authorization", f"Bearer {good('ec')}")
        assert [(await server.token_request("POST", "/demo/v1/token", _ASK, bearer)).status for _ in range(3)] == [
            200
        ] * 3
        known.there = False
        assert (await server.token_request("POST", "/demo/v1/token", _ASK, bearer)).status == 401


async def test_a_remembered_token_is_refused_once_it_is_past(serving: Serving) -> None:
    now = NOW
    async with serving(configuration_of(), replace(WORLD, clock=lambda: now), Interfaces(keys=keys())) as server:
        bearer = ("Authorization", f"Bearer {good('ec', exp=NOW + 60)}")
        assert (await server.token_request("POST", "/demo/v1/token", _ASK, bearer)).status == 200
        now = NOW + 91
        assert (await server.token_request("POST", "/demo/v1/token", _ASK, bearer)).status == 401


def _machines() -> Jwt:
    return _signed_by_secret("tokend")


def _signed_by_secret(audience: str) -> Jwt:
    options = JwtOptions(issuer="machine", audience=[audience], secret=Secret(SECRET))
    return Jwt(AppContext("demo"), {"machine": options})


async def test_what_is_refused_is_not_remembered() -> None:
    machines, token = _machines(), with_secret()
    before = len(Jwt._known)
    for number in range(20):
        forged = token[:-8] + f"{number:04d}" + token[-4:]
        for refused in (forged, with_secret(exp=NOW - 60 - number), with_secret(nbf=NOW + 60 + number)):
            with pytest.raises(ApiError):
                await machines.authenticate(Credentials(bearer=refused), NOW)
    assert len(Jwt._known) == before


async def test_no_more_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jwt, "_known", Remembered(100_000))
    machines = _machines()
    for number in range(200):
        caller = await machines.authenticate(Credentials(bearer=with_secret(sub=str(number))), NOW)
        assert caller is not None
        assert caller.claims["sub"] == str(number)
    assert 10 < len(Jwt._known) < 100
    again = await machines.authenticate(Credentials(bearer=with_secret(sub="0")), NOW)  # was pushed out
    assert again is not None
    assert again.claims["sub"] == "0"


async def test_ten_thousand_users_are_remembered() -> None:
    assert CACHE_BYTES // cached_size(good("ec"), CLAIMS) > 10_000


@pytest.mark.parametrize("small", [{"": 1.5}, [], 300, 0.5], ids=["mapping", "list", "int", "float"])
async def test_claims_of_many_small_values_take_no_more_memory_than_there_is(
    small: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,500 tokens of 7 KB, whose claims a user may choose, took 205 MB in place of 32."""
    monkeypatch.setattr(Jwt, "_known", Remembered(2 << 20))
    machines = _machines()
    tokens = [with_secret(sub=str(number), small=[small] * 500) for number in range(200)]
    await machines.authenticate(Credentials(bearer=with_secret()), NOW)  # what is imported at the first token
    tracemalloc.start()
    try:
        for token in tokens:
            await machines.authenticate(Credentials(bearer=token), NOW)
        assert tracemalloc.get_traced_memory()[0] < 2.5 * (1 << 20)
    finally:
        tracemalloc.stop()
    assert len(Jwt._known) > 10


async def test_a_token_that_has_expired_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jwt, "_known", Remembered(100_000))
    machines, token = _machines(), Credentials(bearer=with_secret(exp=NOW + 60))
    assert await machines.authenticate(token, NOW) is not None
    assert len(Jwt._known) == 1
    with pytest.raises(ApiError):
        await machines.authenticate(token, NOW + 120)
    assert len(Jwt._known) == 0


async def test_what_one_route_found_is_nothing_to_another() -> None:
    token = with_secret()
    assert await _machines().authenticate(Credentials(bearer=token), NOW) is not None
    strangers = _signed_by_secret("elsewhere")
    with pytest.raises(ApiError):
        await strangers.authenticate(Credentials(bearer=token), NOW)


async def test_a_token_of_a_header_is_not_taken_for_one_of_a_cookie() -> None:
    """What counts in one place does not in the other: the memory tells them apart."""
    people = JwtOptions(preset="clerk", domain="clerk.example.com", audience=["tokend"])
    machine = JwtOptions(issuer="machine", audience=["tokend"], secret=Secret(SECRET))
    both, token = Jwt(AppContext("demo"), {"people": people, "machine": machine}), with_secret()
    assert await both.authenticate(Credentials(bearer=token), NOW) is not None
    with pytest.raises(ApiError):
        await both.authenticate(Credentials(cookie=token), NOW)


async def test_without_a_caller_by_cookie_the_cookie_is_left_to_other_schemes() -> None:
    for cookie in (with_secret(), "a.b.c"):
        assert await _machines().authenticate(Credentials(cookie=cookie), NOW) is None
