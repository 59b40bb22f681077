"""Signed URLs made by PyJWT, which shares no line with what reads them, and a configuration that takes some of them."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jwt
from jwt.algorithms import get_default_algorithms

from tests.assembling import assemble
from tests.unit.http.running import APP_ID, CERTIFICATE, NOW
from tokend.auth.key_digests import digest_of
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.issuing.configuration import Configuration

PRIMARY: Final = "the-first-signing-key-of-32-bytes"
SECONDARY: Final = "the-other-signing-key-of-32-bytes"
OTHER: Final = "some-signing-key-that-nobody-knows"
ENVIRONMENT: Final = {"CERTIFICATE": CERTIFICATE, "PRIMARY": PRIMARY, "SECONDARY": SECONDARY}
STATIC: Final = "a-key.with.dots"
HEADER: Final[Mapping[str, Any]] = {"alg": "HS256", "kid": "primary", "typ": "tokend-url+jwt"}
CLAIMS: Final[Mapping[str, Any]] = {
    "app": "demo",
    "caller": "uikit",
    "jti": "party-7",
    "iat": NOW - 60,
    "exp": NOW + 600,
    "channel": "lobby-1",
}
YAML: Final = f"""
defaults:
  app_id: "{APP_ID}"
  certificate: {{env: CERTIFICATE}}
  url_signing_key: {{primary: {{env: PRIMARY}}, secondary: {{env: SECONDARY}}}}
apps:
  demo:
    callers:
      uikit:
        url_key: signed
        rules:
          - {{kinds: [rtc, rtm], channel: "lobby-*", user: "*", capabilities: [wildcard_user, wildcard_publish]}}
          - {{kinds: chat, capabilities: app_admin}}
      kiosk: {{url_key: "{digest_of(STATIC)}", rules: [{{kinds: rtc}}]}}
      studio: {{api_key: "{digest_of("studio")}"}}
    routes: [{{path: /demo}}, {{path: /kiosk, callers: [kiosk, studio]}}]
  other:
    callers: {{uikit: {{url_key: signed, rules: [{{kinds: rtc}}]}}}}
"""


def configuration_of(text: str = YAML, environment: Mapping[str, str] = ENVIRONMENT) -> Configuration:
    return assemble(parse(text, "config.yaml"), "config.yaml", Secrets(environment, Path()))


def signed(key: str = PRIMARY, /, header: Mapping[str, Any] = {}, algorithm: str = "HS256", **claims: object) -> str:
    """What stands in the URL: right but for what is said otherwise; a claim or header of `...` is left out."""
    payload = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...}
    headers = {name: value for name, value in {**HEADER, "alg": algorithm, **header}.items() if value is not ...}
    return raw(json.dumps(headers).encode(), json.dumps(payload).encode(), key, algorithm)


def by_pyjwt(key: str = PRIMARY, **claims: object) -> str:
    """As anybody would make one with the key and PyJWT alone."""
    headers = {"kid": "primary", "typ": HEADER["typ"]}
    return jwt.encode({**CLAIMS, **claims}, key, "HS256", headers=headers)


def raw(header: bytes, payload: bytes, key: str = PRIMARY, algorithm: str = "HS256") -> str:
    """A token of exactly these bytes, signed by PyJWT's algorithm; not at all for `none`."""
    text = f"{b64(header)}.{b64(payload)}"
    if algorithm == "none":
        return f"{text}."
    maker = get_default_algorithms()[algorithm]
    return f"{text}.{b64(maker.sign(text.encode(), maker.prepare_key(key)))}"


def b64(raw_bytes: bytes) -> str:
    return base64.urlsafe_b64encode(raw_bytes).rstrip(b"=").decode()
