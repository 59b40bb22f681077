"""The cache of identity providers' keys: how often it asks, what it does meanwhile, and what it takes for a key."""

import asyncio
from typing import Any

import pytest

from tests.unit.auth.jwt.making import jwk
from tests.unit.http.key_provider import DISCOVERED, WRITTEN, Provider
from tokend.adapters.jwks import COOL_DOWN, FRESH, STALE, TIMEOUT
from tokend.auth.jwk import MAX_KEYS
from tokend.core.interfaces import KeySource


async def _settled() -> None:
    """Wait for what goes on in the background: a refresh imports its keys in a thread."""
    for _ in range(20):
        await asyncio.sleep(0)
    if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(tasks, timeout=0.5)


async def test_nothing_is_fetched_before_a_token_comes() -> None:
    assert Provider("ec").asked == []


async def test_200_at_once_with_unknown_kids_are_one_fetch() -> None:
    provider = Provider("ec")
    provider.authenticator = asyncio.Event()
    waiting = [asyncio.create_task(provider.kids(f"unknown-{number}")) for number in range(200)]
    await _settled()
    provider.authenticator.set()
    assert await asyncio.gather(*waiting) == [["ec"]] * 200
    assert len(provider.asked) == 1


async def test_one_who_gives_up_waiting_does_not_take_the_fetch_from_the_others() -> None:
    provider = Provider("ec")
    provider.authenticator = asyncio.Event()
    first, second = (asyncio.create_task(provider.kids("ec")) for _ in range(2))
    await _settled()
    first.cancel()
    await _settled()
    provider.authenticator.set()
    assert await second == ["ec"]
    assert len(provider.asked) == 1


@pytest.mark.parametrize("source", [WRITTEN, DISCOVERED])
async def test_10_000_random_kids_in_a_minute_are_two_fetches(source: KeySource) -> None:
    """P17, from cold: where the keys lie is asked for too."""
    provider = Provider("ec")
    for number in range(20_000):
        provider.now = number * 60 / 10_000
        assert await provider.kids(f"random-{number}", source) == ["ec"]
    assert provider.most_in_a_minute() == 2
    assert len(provider.asked) == 4


@pytest.mark.parametrize("error", [None, OSError(), ValueError()])
@pytest.mark.parametrize("source", [WRITTEN, DISCOVERED])
async def test_two_fetches_in_any_minute_of_three_hours(source: KeySource, error: Exception | None) -> None:
    """P17, with the keys' place asked for anew, and with a provider that comes and goes."""
    provider = Provider("ec")
    for number in range(3 * 3600):
        provider.now = float(number)
        provider.error = error if number % 1800 > 900 else None
        await provider.is_unavailable(f"random-{number}", source)
    assert provider.most_in_a_minute() == 2
    assert len(provider.asked) > 3 * 60


async def test_no_more_while_the_provider_is_down_and_nothing_is_known() -> None:
    provider = Provider()
    provider.error = OSError()
    for number in range(600):
        provider.now = number / 10
        assert await provider.is_unavailable(f"random-{number}")
    assert len(provider.asked) == 2


async def test_down_for_an_hour_known_keys_keep_working() -> None:
    """P15."""
    provider = Provider("ec")
    assert await provider.kids("ec") == ["ec"]
    provider.error = TimeoutError()
    for second in range(0, 3600, 5):
        provider.now = float(second)
        assert await provider.kids("ec") == ["ec"]
        await _settled()
    assert provider.lines == [("error", "cannot be fetched: no answer in time")]
    provider.error = None
    provider.now = 3700.0
    await provider.kids("ec")
    await _settled()
    assert provider.lines[1:] == [("info", "can be fetched again")]


async def test_keys_that_nobody_needs_do_not_grow_old() -> None:
    """The alert fired for a provider whose users slept, or that a reload had removed."""
    provider = Provider("ec")
    assert await provider.kids("ec") == ["ec"]
    provider.now = 20 * 3600.0
    assert dict(provider.cache.ages()) == {WRITTEN.url: 0.0}
    provider.error = TimeoutError()
    assert await provider.kids("ec") == ["ec"]
    await _settled()
    assert dict(provider.cache.ages()) == {WRITTEN.url: 20 * 3600.0}


async def test_after_the_limit_it_is_503_and_not_401() -> None:
    provider = Provider("ec")
    await provider.kids("ec")
    provider.error = OSError("secret text")
    provider.now = STALE - 1
    assert not await provider.is_unavailable()
    await _settled()
    provider.now = STALE
    assert await provider.is_unavailable()
    assert await provider.is_unavailable("unknown")
    provider.error = None
    provider.now = STALE + COOL_DOWN
    await provider.kids("ec-new")
    assert not await provider.is_unavailable()


async def test_the_first_token_after_two_quiet_days_waits_for_the_keys() -> None:
    provider = Provider("ec")
    await provider.kids("ec")
    provider.now = 2 * STALE
    assert await provider.kids("ec") == ["ec"]


async def test_a_new_key_is_accepted_within_35_seconds() -> None:
    """P16: even where a stranger has just caused a refresh."""
    provider = Provider("ec")
    await provider.kids("stranger")
    provider.keys = [jwk("ec-new"), jwk("ec")]
    provider.now = COOL_DOWN - 1
    assert "ec-new" not in await provider.kids("ec-new")
    provider.now = COOL_DOWN
    assert await provider.kids("ec-new") == ["ec-new", "ec"]
    assert COOL_DOWN + TIMEOUT <= 35


async def test_a_removed_key_goes_with_the_next_refresh() -> None:
    provider = Provider("ec", "ec-old")
    await provider.kids("ec-old")
    provider.keys = [jwk("ec")]
    provider.now = FRESH - 1
    assert await provider.kids("ec-old") == ["ec", "ec-old"]
    provider.now = FRESH
    await provider.kids("ec-old")  # is answered at once; the refresh goes on beside it
    await _settled()
    assert await provider.kids("ec-old") == ["ec"]
    provider.keys = []
    provider.now = 3 * FRESH
    await provider.kids("ec")
    await _settled()
    assert await provider.kids("ec") == []


async def test_a_refresh_of_known_keys_keeps_nobody_waiting() -> None:
    provider = Provider("ec")
    await provider.kids("ec")
    provider.authenticator = asyncio.Event()
    provider.now = FRESH
    for _ in range(100):
        assert await provider.kids("ec") == ["ec"]
        assert await provider.kids(None) == ["ec"]
    await _settled()
    assert len(provider.asked) == 2
    provider.authenticator.set()
    await _settled()


async def test_failures_are_told_once_and_echo_nothing() -> None:
    provider = Provider("ec")
    provider.error = ValueError("text of the provider")
    for number in range(20):
        provider.now = number * COOL_DOWN
        assert await provider.is_unavailable()
    assert provider.lines == [("error", "cannot be fetched: ValueError")]
    assert len(provider.asked) == 20


async def test_one_source_knows_nothing_of_another() -> None:
    provider = Provider("ec")
    await provider.kids("ec")
    provider.error = OSError()
    assert await provider.is_unavailable(source=DISCOVERED)
    assert not await provider.is_unavailable()


async def test_keys_that_are_of_no_use_are_passed_over() -> None:
    """Private, symmetric, for encryption, too short, broken, unknown: none spoils the others, none raises."""
    provider = Provider("ec")
    sound = provider.keys[0]
    rsa: dict[str, Any] = jwk("rsa")
    provider.keys += [
        {"kty": "oct", "k": "AAAA", "kid": "oct"},
        {**sound, "kid": "enc", "use": "enc"},
        {**sound, "kid": "private", "d": "AAAA"},
        {**rsa, "kid": "short", "n": "AQAB" * 40},
        {**rsa, "kid": "broken", "n": "?"},
        {**rsa, "kid": 7},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "off"},
        {"kty": "XYZ", "kid": "unknown"},
        {"kty": ["RSA"]},
        {},
    ]
    assert await provider.kids("ec") == ["ec"]


async def test_a_provider_with_too_many_keys_costs_no_request_its_time() -> None:
    """A token that names no key is held against all of them."""
    provider = Provider("ec")
    sound = {name: value for name, value in provider.keys[0].items() if name != "kid"}
    provider.keys = [sound] * MAX_KEYS
    assert await provider.kids(None) == [None] * MAX_KEYS
    provider = Provider("ec")
    provider.keys = [sound] * (MAX_KEYS + 1)
    assert await provider.is_unavailable(None)
    assert provider.lines == [("error", f"cannot be fetched: holds over {MAX_KEYS} keys")]
