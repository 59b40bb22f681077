"""A signature that held is remembered for its key: asking again changes nothing, but for the time that it takes."""

from collections.abc import Sequence
from typing import Any

from tests.jwt.making import good, keys, setup_of
from tests.server.running import NOW, WORLD, serving
from tokend.auth._keys import _hold
from tokend.ports import Keys, KeySource, Ports

_ASK = {"kind": "rtc", "channel": "room-acme-1", "role": "publisher"}


class _Withdrawn(Keys):
    """Keys that the provider can take back."""

    def __init__(self) -> None:
        self.there = True

    async def held(self, source: KeySource) -> Sequence[Any]:
        return await keys().renewed(source) if self.there else ()

    async def renewed(self, source: KeySource) -> Sequence[Any]:
        return await self.held(source)


async def test_a_remembered_token_is_refused_once_its_key_is_withdrawn() -> None:
    known = _Withdrawn()
    async with serving(setup_of(), ports=Ports(keys=known)) as server:
        bearer = ("Authorization", f"Bearer {good('ec')}")
        assert [(await server.ask("POST", "/demo/v1/token", _ASK, bearer)).status for _ in range(3)] == [200] * 3
        known.there = False
        assert (await server.ask("POST", "/demo/v1/token", _ASK, bearer)).status == 401


async def test_a_remembered_token_is_refused_once_it_is_past() -> None:
    now = NOW
    async with serving(setup_of(), WORLD._replace(clock=lambda: now), Ports(keys=keys())) as server:
        bearer = ("Authorization", f"Bearer {good('ec', exp=NOW + 60)}")
        assert (await server.ask("POST", "/demo/v1/token", _ASK, bearer)).status == 200
        now = NOW + 91
        assert (await server.ask("POST", "/demo/v1/token", _ASK, bearer)).status == 401


async def test_what_does_not_hold_is_not_remembered() -> None:
    async with serving(setup_of(), ports=Ports(keys=keys())) as server:
        token = good("ec")
        before = _hold.cache_info().currsize
        for number in range(20):
            forged = token[:-8] + f"{number:04d}" + token[-4:]
            reply = await server.ask("POST", "/demo/v1/token", _ASK, ("Authorization", f"Bearer {forged}"))
            assert reply.status == 401
        assert _hold.cache_info().currsize == before
