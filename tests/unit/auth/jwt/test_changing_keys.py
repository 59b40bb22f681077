"""Keys of a provider that change, and a provider that is gone, seen by those who bring its tokens. The clock is set."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.unit.auth.jwt.making import configuration_of, good, jwk
from tests.unit.http.key_provider import Provider
from tests.unit.http.running import Running, serving
from tokend.adapters.jwks import COOL_DOWN, FRESH, STALE, TIMEOUT
from tokend.auth.jwt import MAX_TRIED
from tokend.core.interfaces import Interfaces

ASK = {"kind": "rtc", "channel": "room-acme-1", "role": "publisher"}


def having(*keys: dict[str, Any]) -> Provider:
    """A provider of these keys; its clock stands at 0."""
    provider = Provider()
    provider.keys = list(keys)
    return provider


@asynccontextmanager
async def trusting(provider: Provider) -> AsyncIterator[Running]:
    async with serving(configuration_of(), interfaces=Interfaces(keys=provider.cache)) as server:
        yield server


async def status(server: Running, token: str) -> int:
    answer = await server.token_request("POST", "/demo/v1/token", ASK, ("Authorization", f"Bearer {token}"))
    assert answer.status != 503 or answer.json["code"] == "unavailable"
    return answer.status


def unnamed(name: str) -> dict[str, Any]:
    """A key whose document does not name it."""
    return {key: value for key, value in jwk(name).items() if key != "kid"}


async def test_a_new_key_is_accepted_within_35_seconds_whatever_strangers_do() -> None:
    """P16."""
    provider = having(jwk("ec"))
    async with trusting(provider) as server:
        assert await status(server, good("ec-stranger")) == 401
        provider.keys = [jwk("ec-new"), jwk("ec")]
        provider.now = COOL_DOWN
        assert await status(server, good("ec-new")) == 200
        assert await status(server, good("ec")) == 200
    assert COOL_DOWN + TIMEOUT <= 35


@pytest.mark.parametrize("key", [jwk, unnamed])
async def test_a_token_without_kid_by_a_new_key_is_accepted_within_35_seconds_too(key: Any) -> None:
    """It used to be refused until the keys were looked up again anyway, for up to ten minutes."""
    provider = having(key("ec"))
    async with trusting(provider) as server:
        assert await status(server, good("ec", header={"kid": None})) == 200
        provider.keys = [key("ec-new")]
        provider.now = COOL_DOWN - 1
        assert await status(server, good("ec-new", header={"kid": None})) == 401
        assert len(provider.asked) == 1
        provider.now = COOL_DOWN
        assert await status(server, good("ec-new", header={"kid": None})) == 200
        assert await status(server, good("ec", header={"kid": None})) == 401
    assert len(provider.asked) == 2


async def test_a_key_that_its_document_does_not_name_serves_tokens_that_name_it() -> None:
    """Without asking the provider for each of them, and while it is down too."""
    provider = having(unnamed("ec"))
    async with trusting(provider) as server:
        for second in range(0, 600, 60):
            provider.now = float(second)
            assert await status(server, good("ec")) == 200
            provider.error = OSError()
        assert len(provider.asked) == 1
        assert await status(server, good("ec-new")) == 503


async def test_a_forged_token_under_a_known_kid_asks_nobody() -> None:
    provider = having(jwk("ec"))
    async with trusting(provider) as server:
        assert await status(server, good("ec")) == 200
        provider.error = OSError()
        provider.now = 2 * COOL_DOWN
        assert await status(server, good("ec-stranger", header={"kid": "ec"})) == 401
    assert len(provider.asked) == 1


async def test_down_for_an_hour_known_keys_keep_working_and_unknown_ones_are_503() -> None:
    """P15. An unknown key may be a new one, which only the provider could tell; it used to be 401."""
    provider = having(jwk("ec"))
    async with trusting(provider) as server:
        assert await status(server, good("ec")) == 200
        provider.error = TimeoutError()
        for second in range(60, 3601, 60):
            provider.now = float(second)
            answers = [
                await status(server, one) for one in (good("ec"), good("ec-new"), good("ec", header={"kid": ""}))
            ]
            assert answers == [200, 503, 503], second
        provider.error, provider.keys = None, [jwk("ec-new"), jwk("ec")]
        provider.now += COOL_DOWN
        assert [await status(server, good(one)) for one in ("ec", "ec-new", "ec-stranger")] == [200, 200, 401]


async def test_an_unknown_key_is_401_until_a_fetch_has_failed_and_then_503() -> None:
    provider = having(jwk("ec"))
    async with trusting(provider) as server:
        assert await status(server, good("ec")) == 200
        provider.error = OSError()
        for now, unknown in ((COOL_DOWN - 1, 401), (COOL_DOWN, 503), (COOL_DOWN + 1, 503), (STALE - 1, 503)):
            provider.now = now
            assert await status(server, good("ec-new")) == unknown
            assert await status(server, good("ec-stranger", header={"kid": "ec"})) == 401


async def test_down_for_longer_than_keys_count_it_is_503_and_not_401() -> None:
    """P15."""
    provider = having(jwk("ec"))
    async with trusting(provider) as server:
        assert await status(server, good("ec")) == 200
        provider.error = OSError()
        for now, known in ((FRESH, 200), (STALE - 1, 200), (STALE, 503), (2 * STALE, 503)):
            provider.now = now
            assert await status(server, good("ec")) == known
        provider.error = None
        provider.now += COOL_DOWN
        assert await status(server, good("ec")) == 200


async def test_at_most_four_keys_are_tried_for_a_token() -> None:
    """A document may hold fifty keys that one kid, or none, does not tell apart, and strangers may sign nothing."""
    provider = having(*(unnamed(f"ec-{number}") for number in range(MAX_TRIED + 1)))
    async with trusting(provider) as server:
        assert await status(server, good(f"ec-{MAX_TRIED - 1}", header={"kid": None})) == 200
        assert await status(server, good(f"ec-{MAX_TRIED}", header={"kid": None})) == 401
        assert "is by none of 4 keys" in server.log.getvalue().decode()


async def test_the_key_with_the_kid_is_tried_before_those_without() -> None:
    provider = having(*(unnamed(f"ec-{number}") for number in range(MAX_TRIED)), jwk("ec"))
    async with trusting(provider) as server:
        assert await status(server, good("ec")) == 200
