"""A real identity provider, npm's oidc-provider: its tokens by discovery, its keys changed, and itself gone for a while."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec.json
import pytest

from tests.running import APP_ID, CERTIFICATE
from tests.running import serving as real_server
from tests.running import tokend as command
from tests.system.identity.provider import AUDIENCE, Provider
from tests.unit.auth.jwt.making import configuration_of, good
from tests.unit.http.running import Running, World, serving
from tokend.adapters.http_client import client
from tokend.adapters.jwks import COOL_DOWN, FRESH, MINUTE, STALE, KeyCache, over_http
from tokend.core.interfaces import Interfaces
from tokend.telemetry.log import JsonLog

YAML = """
apps:
  demo:
    app_id: "{app_id}"
    certificate: {{env: CERTIFICATE}}
    callers:
      web:
        jwt: {{issuer: "{issuer}", audience: [{audiences}]}}
        rules: [{{kinds: [rtc, rtm], channel: "room-{{claims.org}}-*", user: "{{claims.sub|uid}}", roles: publisher}}]
"""
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
ASK = {"kind": "rtc", "channel": "room-acme-1", "role": "publisher"}


def _yaml(provider: Provider) -> str:
    audiences = ", ".join(f'"{AUDIENCE}?alg={one}"' for one in ALGORITHMS)
    return YAML.format(app_id=APP_ID, issuer=provider.issuer, audiences=audiences)


class Clock:
    """Time for the key cache alone: tokens keep the real one."""

    def __init__(self) -> None:
        self.now = 0.0


@asynccontextmanager
async def tokend(provider: Provider, clock: Clock) -> AsyncIterator[Running]:
    world = World()
    async with client() as session:
        log = JsonLog(io.BytesIO(), world.clock)
        cache = KeyCache(over_http(session), lambda: clock.now, log)
        async with serving(configuration_of(_yaml(provider)), world, Interfaces(keys=cache)) as server:
            yield server


async def _status(server: Running, token: str, **token_request: object) -> int:
    answer = await server.token_request(
        "POST", "/demo/v1/token", {**ASK, **token_request}, ("Authorization", f"Bearer {token}")
    )
    return answer.status


async def test_tokens_of_every_algorithm_by_discovery(provider: Provider) -> None:
    provider.start("rsa", "ec", "ed")
    async with tokend(provider, Clock()) as server:
        for algorithm in ALGORITHMS:
            token = provider.token(algorithm)
            assert await _status(server, token) == 200, algorithm
            assert await _status(server, token, uid=7) == 403
            assert await _status(server, token, channel="room-bolt-1") == 403
        assert await _status(server, provider.token(audience="https://other.example.com/")) == 401
        assert "caller web expects" in server.lines[-1]["reason"]
        assert (
            await _status(server, good("rsa-stranger", iss=provider.issuer, aud=f"{AUDIENCE}?alg=RS256", exp=2**32))
            == 401
        )


async def test_keys_change_with_overlap_without_and_the_provider_goes(provider: Provider) -> None:
    clock = Clock()
    provider.start("rsa")
    first = provider.token()
    async with tokend(provider, clock) as server:
        assert await _status(server, first) == 200

        provider.start("rsa-new", "rsa")  # with overlap: the old key is still published
        second = provider.token()
        clock.now = MINUTE
        assert [await _status(server, one) for one in (second, first)] == [200, 200]

        provider.start("rsa-other")  # without overlap
        third = provider.token()
        assert await _status(server, third) == 401  # within the cool-down of the refresh before
        assert await _status(server, first) == 200
        clock.now = MINUTE + COOL_DOWN
        assert [await _status(server, one) for one in (third, second, first)] == [200, 401, 401]

        provider.stop()
        for passed in (COOL_DOWN, FRESH, 3600.0, STALE - 1):
            clock.now = MINUTE + COOL_DOWN + passed
            assert await _status(server, third) == 200
        clock.now = MINUTE + COOL_DOWN + STALE
        assert await _status(server, third) == 503

        provider.start("rsa-other")
        clock.now += MINUTE
        assert await _status(server, third) == 200


def test_a_real_server_starts_without_the_provider_and_takes_its_tokens_later(
    provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(_yaml(provider))
    with real_server(tmp_path, {"CERTIFICATE": CERTIFICATE}, lines=1) as server:
        provider.start("rsa")
        answer = _post(f"{server.url}/demo/v1/token", provider.token())
    assert (answer["channel"], answer["role"]) == ("room-acme-1", "publisher")


def test_explain_of_a_bearer_fetches_the_keys_itself(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(_yaml(provider))
    token_request = ("explain", "--bearer", "@token", "rtc", "channel=room-acme-1", "role=publisher")
    provider.start("rsa")
    (tmp_path / "token").write_text(provider.token())
    done = command(tmp_path, {"CERTIFICATE": CERTIFICATE}, *token_request)
    assert (done.returncode, done.stderr) == (0, "")
    says = msgspec.json.decode(done.stdout)
    assert (says["issued"], says["caller"], says["claims"]["org"]) == (True, "web", "acme")

    provider.start("rsa-other")
    done = command(tmp_path, {"CERTIFICATE": CERTIFICATE}, *token_request)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tokend: credential_invalid: there is no key 'rsa' for RS256 of")

    provider.stop()
    done = command(tmp_path, {"CERTIFICATE": CERTIFICATE}, *token_request)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be fetched" in done.stderr
    assert f"tokend: unavailable: no keys of {provider.issuer}" in done.stderr


def _post(url: str, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urlopen(Request(url, msgspec.json.encode(ASK), headers), timeout=10) as answer:
        return msgspec.json.decode(answer.read())


@pytest.mark.parametrize("name", ["package.json", ".npmrc"])
def test_the_provider_is_pinned(name: str) -> None:
    text = (Path(__file__).parent / name).read_text()
    assert '"oidc-provider": "9.' in text or text == "package-lock=false\n"
