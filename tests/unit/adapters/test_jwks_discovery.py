"""Where a provider's keys lie: asked for seldom, followed only to the issuer's own host, looked for again when they move."""

from typing import Any

import pytest

from tests.unit.http.key_provider import DISCOVERED, DISCOVERY, ISSUER, Provider
from tokend.adapters.http_client import ResponseProblem
from tokend.adapters.jwks import COOL_DOWN, MINUTE, REDISCOVER
from tokend.auth.jws import KeysProblem
from tokend.core.interfaces import KeySource


async def test_discovery_and_how_seldom_it_is_asked() -> None:
    provider = Provider("ec")
    assert await provider.kids("ec", DISCOVERED) == ["ec"]
    assert [url for _, url in provider.asked] == [DISCOVERY, f"{ISSUER}/certs"]
    provider.now = COOL_DOWN
    await provider.kids("unknown", DISCOVERED)
    assert len(provider.asked) == 2  # as many as there may be in a minute
    provider.now = MINUTE
    await provider.kids("unknown", DISCOVERED)
    assert [url for _, url in provider.asked[2:]] == [f"{ISSUER}/certs"]
    provider.now = REDISCOVER
    await provider.kids("unknown", DISCOVERED)
    assert [url for _, url in provider.asked[3:]] == [DISCOVERY, f"{ISSUER}/certs"]


@pytest.mark.parametrize("problem", [ResponseProblem("there is none", 404), KeysProblem("it is no JSON")])
async def test_keys_that_have_moved_are_looked_for_at_their_new_place(problem: Exception) -> None:
    """Once their old place answers something else; a place that is out of order is kept. A 404 took up to an hour."""
    provider = Provider("ec")
    await provider.kids("ec", DISCOVERED)
    for minutes, error in ((2, OSError()), (3, ResponseProblem("it is overloaded", 503)), (4, problem)):
        provider.error = error
        provider.now = minutes * MINUTE
        assert await provider.is_unavailable("unknown", DISCOVERED)
    provider.error = None
    provider.discovery["jwks_uri"] = f"{ISSUER}/moved"
    provider.now = 5 * MINUTE
    assert await provider.kids("unknown", DISCOVERED) == ["ec"]
    assert [url.removeprefix(ISSUER) for _, url in provider.asked[2:]] == [
        *("/certs", "/certs", "/certs"),
        *("/.well-known/openid-configuration", "/moved"),
    ]


async def test_an_unknown_kid_while_the_provider_is_down_is_503_and_not_401() -> None:
    """It may be a new key: nobody can tell. Where the provider was reached a moment ago it is none."""
    provider = Provider("ec")
    await provider.kids("ec")
    provider.error = OSError()
    provider.now = COOL_DOWN - 1
    assert not await provider.is_unavailable("unknown")
    provider.now = COOL_DOWN
    assert await provider.is_unavailable("unknown")
    provider.now += 1  # nothing is asked, but it is known to be down
    assert await provider.is_unavailable("unknown")
    assert not await provider.is_unavailable("ec")
    provider.error = None
    provider.now += COOL_DOWN
    assert not await provider.is_unavailable("unknown")
    assert len(provider.asked) == 3


async def test_a_final_slash_of_the_issuer_is_not_doubled() -> None:
    provider = Provider("ec")
    provider.discovery["issuer"] = f"{ISSUER}/"
    assert await provider.kids("ec", KeySource(f"{ISSUER}/", discovery=True)) == ["ec"]


HOST = "jwks_uri must be an https URL on the issuer's host; if another host is intended, set it as jwks"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (
            {"issuer": "https://evil.example.com", "jwks_uri": f"{ISSUER}/certs"},
            f"the discovery document names the issuer 'https://evil.example.com', and {ISSUER} is configured",
        ),
        (
            {"issuer": f"{ISSUER}/", "jwks_uri": f"{ISSUER}/certs"},
            f"the discovery document names the issuer '{ISSUER}/', and {ISSUER} is configured",
        ),
        (
            {"issuer": "a" * 500, "jwks_uri": f"{ISSUER}/certs"},
            f"the discovery document names the issuer '{'a' * 80}', and {ISSUER} is configured",
        ),
        (
            {"jwks_uri": f"{ISSUER}/certs"},
            f"the discovery document names no issuer, and {ISSUER} is configured",
        ),
        ([], "the discovery document is no JSON object"),
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
    assert provider.lines == [("error", f"cannot be fetched: {why}")]
