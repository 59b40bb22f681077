"""FIREBASE_PROJECT without any file: the old URLs answer the project's signed-in users, and nobody else."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.auth.jwt.making import good, jwk, keys
from tests.unit.http.running import APP_ID, CERTIFICATE, KEY, serving
from tokend.auth.key_digests import digest_of
from tokend.auth.presets import PRESETS
from tokend.cli.example import example_request
from tokend.config.loading import load
from tokend.core.interfaces import Interfaces
from tokend.issuing.configuration import Configuration

ISSUER: Final = "https://securetoken.google.com/demo-1"
URL: Final = "/rtc/room/publisher/uid/0/"
NOTHING: Final = Path("/nowhere")


async def _google(url: str) -> Any:
    assert url == PRESETS["firebase"].jwks
    return {"keys": [jwk("rsa")]}


def _configuration(**more: str) -> Configuration:
    return load(None, {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE, "FIREBASE_PROJECT": "demo-1", **more}, NOTHING)


def _id_token(key: str = "rsa", claims: Mapping[str, Any] = {}) -> str:
    return good(key, header={"kid": "rsa"}, **{"iss": ISSUER, "aud": "demo-1", **claims})


async def _status(configuration: Configuration, *headers: tuple[str, str]) -> int:
    async with serving(configuration, interfaces=Interfaces(keys=keys(_google))) as server:
        return (await server.token_request("GET", URL, None, *headers)).status


async def test_a_signed_in_user_gets_the_old_answer() -> None:
    async with serving(_configuration(), interfaces=Interfaces(keys=keys(_google))) as server:
        reply = await server.token_request("GET", URL, None, ("Authorization", f"Bearer {_id_token()}"))
    assert reply.status == 200
    assert reply.json["rtcToken"].startswith("007")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "demo-2"},
        {"iss": "https://securetoken.google.com/demo-2"},
        {"iss": "https://securetoken.google.com/demo-2", "aud": "demo-2"},
        {"exp": 1_000_000_000},
    ],
)
async def test_another_projects_user_and_an_old_token_are_401(claims: Mapping[str, object]) -> None:
    assert await _status(_configuration(), ("Authorization", f"Bearer {_id_token(claims=claims)}")) == 401


async def test_a_strangers_signature_and_nobody_are_401() -> None:
    token = _id_token("rsa-other")
    assert await _status(_configuration(), ("Authorization", f"Bearer {token}")) == 401
    assert await _status(_configuration()) == 401
    assert await _status(_configuration(), ("X-API-Key", KEY)) == 401


async def test_a_token_without_a_signature_is_401() -> None:
    parts = _id_token().split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "rsa"}).encode()).rstrip(b"=").decode()
    assert await _status(_configuration(), ("Authorization", f"Bearer {unsigned}.{parts[1]}.")) == 401


async def test_beside_a_key_both_do() -> None:
    configuration = _configuration(API_KEY_SHA256=digest_of(KEY))
    assert await _status(configuration, ("Authorization", f"Bearer {_id_token()}")) == 200
    assert await _status(configuration, ("X-API-Key", KEY)) == 200
    assert await _status(configuration) == 401


def test_the_line_to_try_names_the_credential_that_does() -> None:
    assert "-H 'Authorization: Bearer YOUR-USERS-ID-TOKEN'" in str(example_request(_configuration(), "http://x"))
    assert "-H 'X-API-Key: YOUR-KEY'" in str(example_request(_configuration(API_KEY_SHA256=digest_of(KEY)), "http://x"))
