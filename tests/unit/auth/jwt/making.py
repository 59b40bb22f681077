"""Tokens made by PyJWT, which shares no line with what reads them; keys, and a configuration that trusts some of them.

`good` makes whole tokens; `raw` signs whatever bytes it is given, so that forgeries can be wrong in any place.
"""

import base64
import io
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, get_default_algorithms

from tests.assembling import assemble
from tests.unit.http.running import APP_ID, CERTIFICATE, NOW, WORLD
from tokend.adapters.jwks import KeyCache
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog

ISSUER: Final = "https://id.example.com"
OTHER: Final = "https://other.example.com"
REALM: Final = "https://id.example.com/realms/demo"
CLERK: Final = "https://clerk.example.com"
SECRET: Final = "a-secret-of-at-least-32-characters"
ENVIRONMENT: Final = {"CERTIFICATE": CERTIFICATE, "HS": SECRET}
CLAIMS: Final[Mapping[str, Any]] = {
    "iss": ISSUER,
    "aud": "tokend",
    "sub": "alice",
    "org": "acme",
    "tenant": "demo",
    "iat": NOW - 10,
    "nbf": NOW - 10,
    "exp": NOW + 600,
}
ALGORITHMS: Final = get_default_algorithms()
KINDS: Final = {"ec": "ES256", "rsa": "RS256", "ed": "EdDSA"}
"""The usual algorithm of each kind of key; a key's name begins with its kind."""

YAML: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    cors: {{origins: ["https://app.example.com"]}}
    callers:
      web:
        jwt: {{issuer: "{ISSUER}", audience: tokend, jwks: "{ISSUER}/jwks", require: {{claims.tenant: demo}}}}
        rules: [{{kinds: [rtc, rtm], channel: "room-{{claims.org}}-*", user: "{{claims.sub|uid}}", roles: publisher}}]
      other:
        jwt: {{issuer: "{OTHER}", audience: tokend, jwks: "{OTHER}/jwks"}}
        rules: [{{user: "*"}}]
      machine:
        jwt: {{issuer: machine, audience: tokend, secret: {{env: HS}}}}
        rules: [{{user: "*"}}]
      realm:
        jwt: {{preset: keycloak, url: "{ISSUER}", realm: demo, audience: [studio, kiosk]}}
        rules: [{{user: "*"}}]
      session:
        jwt: {{preset: clerk, domain: clerk.example.com, audience: "https://app.example.com"}}
        rules: [{{user: "{{claims.sub}}"}}]
"""


@cache
def private(name: str) -> Any:
    """A private key of this name, made when first asked for."""
    if name.startswith("ec"):
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate() if name.startswith("ed") else rsa.generate_private_key(65537, 2048)


def jwk(name: str, **more: object) -> dict[str, Any]:
    """The public key as a JWK whose kid is its name."""
    kind: Any = {"ec": ECAlgorithm, "rs": RSAAlgorithm, "ed": OKPAlgorithm}[name[:2]]
    return {**kind.to_jwk(private(name).public_key(), as_dict=True), "kid": name, "use": "sig", **more}


def pem(name: str) -> str:
    """The public key in PEM form."""
    written: bytes = private(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return written.decode()


def good(key: str = "ec", algorithm: str | None = None, /, header: Mapping[str, Any] = {}, **claims: object) -> str:
    """A token that is right but for what is said otherwise. A claim of None is left out."""
    kind = next(kind for kind in KINDS if key.startswith(kind))
    payload = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    headers = {name: value for name, value in {"kid": key, **header}.items() if value is not None}
    return jwt.encode(payload, private(key), algorithm or KINDS[kind], headers=headers)


def with_secret(secret: str = SECRET, /, algorithm: str = "HS256", **claims: object) -> str:
    """A token of the caller `machine`."""
    return jwt.encode({**CLAIMS, "iss": "machine", **claims}, secret, algorithm)


def raw(
    header: bytes | Mapping[str, Any], payload: bytes | Mapping[str, Any], key: Any = None, algorithm: str = "ES256"
) -> str:
    """A token of exactly these bytes, signed by this algorithm with this key (the name of one, or the key itself)."""
    signed = b".".join(
        b64(one if isinstance(one, bytes) else json.dumps(one).encode()).encode() for one in (header, payload)
    )
    chosen = private(key or "ec") if key is None or isinstance(key, str) else key
    return f"{signed.decode()}.{b64(ALGORITHMS[algorithm].sign(signed, chosen))}"


def b64(raw_bytes: bytes) -> str:
    return base64.urlsafe_b64encode(raw_bytes).rstrip(b"=").decode()


def configuration_of(text: str = YAML, environment: Mapping[str, str] = ENVIRONMENT) -> Configuration:
    return assemble(parse(text, "config.yaml"), "config.yaml", Secrets(environment, Path()))


DOCUMENTS: Final[Mapping[str, Callable[[], Any]]] = {
    f"{ISSUER}/jwks": lambda: {"keys": [jwk("ec"), jwk("rsa"), jwk("rsa-old"), jwk("ed")]},
    f"{OTHER}/jwks": lambda: {"keys": [jwk("ec-other")]},
    f"{REALM}/.well-known/openid-configuration": lambda: {"issuer": REALM, "jwks_uri": f"{REALM}/certs"},
    f"{REALM}/certs": lambda: {"keys": [jwk("rsa-realm")]},
    f"{CLERK}/.well-known/jwks.json": lambda: {"keys": [jwk("rsa-clerk")]},
}


async def fetch(url: str) -> Any:
    return DOCUMENTS[url]()


def keys(fetching: Callable[[str], Awaitable[Any]] = fetch) -> KeyCache:
    """A cache of the documents above, on a clock that stands still."""
    return KeyCache(fetching, WORLD.elapsed, JsonLog(io.BytesIO(), WORLD.clock))
