"""The cache of identity providers' keys, with a clock and a provider that do as the tests say."""

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from tests.jwt.making import jwk
from tokend.auth._keys import MAX_KEYS
from tokend.model import Code, Refusal
from tokend.ports import KeySource
from tokend.server.jwks import COOL_DOWN, FRESH, STALE, TIMEOUT, KeyCache
from tokend.server.log import JsonLog

ISSUER = "https://id.example.com/realm"
WRITTEN = KeySource("https://id.example.com/jwks")
DISCOVERED = KeySource(ISSUER, discovery=True)
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"


class Provider:
    """What it answers is set by the tests; `asked` are the URLs that it was asked for, with their times."""

    def __init__(self, *names: str) -> None:
        self.now = 0.0
        self.asked: list[tuple[float, str]] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.keys = [jwk(name) for name in names]
        self.discovery: Any = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/certs"}
        self.log = io.BytesIO()
        self.cache = KeyCache(self.fetch, lambda: self.now, JsonLog(self.log, lambda: 0.0))

    async def fetch(self, url: str) -> Any:
        self.asked.append((self.now, url))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.discovery if url == DISCOVERY else {"keys": self.keys}

    async def kids(self, key_id: str | None, source: KeySource = WRITTEN) -> Sequence[str | None]:
        return [one.kid for one in await self.cache.find(source, key_id)]

    async def is_unavailable(self, key_id: str | None = "ec", source: KeySource = WRITTEN) -> bool:
        try:
            await self.cache.find(source, key_id)
        except Refusal as refusal:
            return refusal.code == Code.UNAVAILABLE and refusal.status == 503
        return False

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [(one["level"], one["message"]) for one in map(orjson.loads, self.log.getvalue().splitlines())]


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_is_fetched_before_a_token_comes() -> None:
    assert Provider("ec").asked == []


async def test_200_at_once_with_unknown_kids_are_one_fetch() -> None:
    provider = Provider("ec")
    provider.gate = asyncio.Event()
    waiting = [asyncio.create_task(provider.kids(f"unknown-{number}")) for number in range(200)]
    await _settled()
    provider.gate.set()
    assert await asyncio.gather(*waiting) == [["ec"]] * 200
    assert len(provider.asked) == 1


async def test_one_who_gives_up_waiting_does_not_take_the_fetch_from_the_others() -> None:
    provider = Provider("ec")
    provider.gate = asyncio.Event()
    first, second = (asyncio.create_task(provider.kids("ec")) for _ in range(2))
    await _settled()
    first.cancel()
    await _settled()
    provider.gate.set()
    assert await second == ["ec"]
    assert len(provider.asked) == 1


@pytest.mark.parametrize("source", [WRITTEN, DISCOVERED])
async def test_10_000_random_kids_in_a_minute_are_two_fetches(source: KeySource) -> None:
    """P17. Where the keys lie is asked for once more in ten minutes."""
    provider = Provider("ec")
    await provider.kids("ec", source)
    provider.now = start = 100.0
    provider.asked.clear()
    for number in range(10_000):
        provider.now = start + number * 60 / 10_000
        assert await provider.kids(f"random-{number}", source) == ["ec"]
    assert len(provider.asked) == 2
    assert provider.asked[1][0] - provider.asked[0][0] >= COOL_DOWN


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
    assert provider.lines == [("error", "cannot be had: TimeoutError")]
    provider.error = None
    provider.now = 3700.0
    await provider.kids("ec")
    await _settled()
    assert provider.lines[1:] == [("info", "can be had again")]


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
    provider.gate = asyncio.Event()
    provider.now = FRESH
    for _ in range(100):
        assert await provider.kids("ec") == ["ec"]
        assert await provider.kids(None) == ["ec"]
    await _settled()
    assert len(provider.asked) == 2
    provider.gate.set()
    await _settled()


async def test_discovery_and_how_seldom_it_is_asked() -> None:
    provider = Provider("ec")
    assert await provider.kids("ec", DISCOVERED) == ["ec"]
    assert [url for _, url in provider.asked] == [DISCOVERY, f"{ISSUER}/certs"]
    provider.now = COOL_DOWN
    await provider.kids("unknown", DISCOVERED)
    assert [url for _, url in provider.asked[2:]] == [f"{ISSUER}/certs"]
    provider.now = FRESH
    await provider.kids("unknown", DISCOVERED)
    assert [url for _, url in provider.asked[3:]] == [DISCOVERY, f"{ISSUER}/certs"]


async def test_a_final_slash_of_the_issuer_is_not_doubled() -> None:
    provider = Provider("ec")
    provider.discovery["issuer"] = f"{ISSUER}/"
    assert await provider.kids("ec", KeySource(f"{ISSUER}/", discovery=True)) == ["ec"]


HOST = "jwks_uri lies on another host, or is no https URL; if it is meant, write it as jwks"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (
            {"issuer": "https://evil.example.com", "jwks_uri": f"{ISSUER}/certs"},
            "the discovery document is of another issuer",
        ),
        ({"issuer": f"{ISSUER}/", "jwks_uri": f"{ISSUER}/certs"}, "the discovery document is of another issuer"),
        ({"jwks_uri": f"{ISSUER}/certs"}, "the discovery document is of another issuer"),
        ([], "the discovery document is of another issuer"),
        ({"issuer": ISSUER}, HOST),
        ({"issuer": ISSUER, "jwks_uri": 7}, HOST),
        ({"issuer": ISSUER, "jwks_uri": "https://evil.example.com/certs"}, HOST),
        ({"issuer": ISSUER, "jwks_uri": "https://id.example.com@evil.example.com/certs"}, HOST),
        ({"issuer": ISSUER, "jwks_uri": "https://id.example.com.evil.example.com/certs"}, HOST),
        ({"issuer": ISSUER, "jwks_uri": "http://id.example.com/certs"}, HOST),
        ({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}, HOST),
        ({"issuer": ISSUER, "jwks_uri": "http://127.0.0.1:6379/"}, HOST),
        ({"issuer": ISSUER, "jwks_uri": "https://[id.example.com/"}, HOST),
    ],
)
async def test_a_discovery_document_that_is_not_followed(document: Any, why: str) -> None:
    provider = Provider("ec")
    provider.discovery = document
    assert await provider.is_unavailable(source=DISCOVERED)
    assert [url for _, url in provider.asked] == [DISCOVERY]
    assert provider.lines == [("error", f"cannot be had: {why}")]


async def test_failures_are_told_once_and_echo_nothing() -> None:
    provider = Provider("ec")
    provider.error = ValueError("text of the provider")
    for number in range(20):
        provider.now = number * COOL_DOWN
        assert await provider.is_unavailable()
    assert provider.lines == [("error", "cannot be had: ValueError")]
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
    assert provider.lines == [("error", f"cannot be had: holds over {MAX_KEYS} keys")]
