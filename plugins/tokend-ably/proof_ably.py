"""Random tokens for Ably. TokenRequests are signed again by PyPI ably 3.1.4; JWTs are read by PyJWT with the claims of
https://ably.com/docs/auth/token/jwt.
"""

import json
import time
from random import Random
from typing import Any, Final

import jwt
from ably import AblyRest  # type: ignore[import-untyped]
from ably.types.capability import Capability  # type: ignore[import-untyped]
from ably.types.tokenrequest import TokenRequest  # type: ignore[import-untyped]
from tokend_ably import Ably, AblyFields, AblyOptions

from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 1_000_000
NAME: Final = "xVLyHw.I2jW-w"
SECRET: Final = "q8Zr0vT3nY6kLw1pq8Zr0vT3nY6kLw1p"
OPERATIONS: Final = (
    *("publish", "subscribe", "presence", "object-subscribe", "object-publish", "annotation-subscribe", "history"),
    *("annotation-publish", "message-update-any", "message-update-own", "message-delete-any", "message-delete-own"),
    *("stats", "channel-metadata", "push-subscribe", "push-admin", "privileged-headers"),
)
"""`capabilityOp` of ably.d.ts in npm ably 2.28.0."""
_CHANNELS: Final = (
    "chat",
    "chat:*",
    "*",
    "a:*:b",
    "[meta]log",
    "[queue]*",
    "[*]*",
    "Zoë",
    "李雷",
    'a "b" \\ c',
    "x" * 99,
)
_CLIENTS: Final = ("ann", "*", "Zoë", "用户 7", "a" * 255, "ann@example.com", 'a "b" \\')


def fields_of(random: Random) -> dict[str, Any]:
    """The fields of a random token request."""
    fields: dict[str, Any] = {"capability": {}, "format": random.choice(("token_request", "jwt"))}
    for channel in random.sample(_CHANNELS, random.randint(1, 4)):
        some = random.sample(OPERATIONS, random.randint(1, len(OPERATIONS)))
        fields["capability"][channel] = ["*"] if random.random() < 0.1 else some
    if random.random() < 0.8:
        fields["user"] = random.choice(_CLIENTS)
    if fields["format"] == "jwt" and random.random() < 0.3:
        fields["revocation_key"] = random.choice(_CLIENTS)
    if fields["format"] == "jwt" and random.random() < 0.3:
        fields["channel_claims"] = {random.choice(_CHANNELS): random.choice(_CLIENTS)}
    return fields


def minted(fields: dict[str, Any], ttl: int, issuance: Issuance) -> str:
    """A token of our backend."""
    options = AblyOptions.model_validate({"keys": [{"name": NAME, "secret": Secret(SECRET)}]})
    backend = Ably(options, AppCredentials(None, {}))
    return backend.mint(backend.grant(AblyFields.model_validate(fields), ttl), issuance).token


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that others read otherwise than the request says. `count`: how many tokens are made."""
    random, found = Random(seed), []
    for _ in range(count):
        fields, ttl, nonce = fields_of(random), random.randint(1, 86_400), random.getrandbits(128)
        issued_at = int(time.time()) if fields["format"] == "jwt" else random.randint(1, 2_000_000_000)
        token = minted(fields, ttl, Issuance(issued_at, nonce))
        different = _jwt_differs if fields["format"] == "jwt" else _request_differs
        if different(token, fields, ttl, issued_at):
            found.append(f"{fields} for {ttl} s: {token}")
    return found


def _request_differs(token: str, fields: dict[str, Any], ttl: int, issued_at: int) -> bool:
    read, again = TokenRequest.from_json(token), TokenRequest.from_json(token)
    again.sign_request(SECRET)
    said = (read.key_name, read.ttl, read.timestamp, read.client_id, Capability(read.capability), read.mac)
    requested = (NAME, ttl * 1000, issued_at * 1000, fields.get("user"), Capability(fields["capability"]), again.mac)
    return said != requested or len(read.nonce) < 16


def _jwt_differs(token: str, fields: dict[str, Any], ttl: int, issued_at: int) -> bool:
    claims = jwt.decode(token, SECRET, ["HS256"], options={"require": ["iat", "exp"]})
    expected: dict[str, Any] = {"iat": issued_at, "exp": issued_at + ttl}
    if "user" in fields:
        expected["x-ably-clientId"] = fields["user"]
    if "revocation_key" in fields:
        expected["x-ably-revocation-key"] = fields["revocation_key"]
    expected |= {f"ably.channel.{channel}": text for channel, text in fields.get("channel_claims", {}).items()}
    capability = Capability(claims.pop("x-ably-capability"))
    header = {"alg": "HS256", "typ": "JWT", "kid": NAME}
    same = (claims, capability, jwt.get_unverified_header(token)) == (
        expected,
        Capability(fields["capability"]),
        header,
    )
    return not same


async def differences_from_created(count: int, seed: int) -> list[str]:
    """Sentences on TokenRequests that `create_token_request` makes otherwise, for the same arguments.

    It writes the capability with spaces and escapes; Ably's page asks for none. So its mac is compared for the text that
    the capability is there, and all else as it is.
    """
    random, found = Random(seed), []
    async with AblyRest(key=f"{NAME}:{SECRET}") as rest:
        for _ in range(count):
            fields = {**fields_of(random), "format": "token_request"}
            fields.pop("revocation_key", None)
            fields.pop("channel_claims", None)
            nonce, ttl, issued_at = random.getrandbits(128), random.randint(1, 86_400), random.randint(1, 2_000_000_000)
            arguments = {"ttl": ttl * 1000, "capability": fields["capability"], "timestamp": issued_at * 1000}
            arguments |= {"client_id": fields.get("user"), "nonce": f"{nonce:032x}"}
            created = await rest.auth.create_token_request(arguments)
            ours = TokenRequest.from_json(minted(fields, ttl, Issuance(issued_at, nonce)))
            compact = json.dumps(json.loads(created.capability), separators=(",", ":"), ensure_ascii=False)
            same_text = TokenRequest(**{**_attributes(created), "capability": compact, "mac": None})
            same_text.sign_request(SECRET)
            if same_text != ours:
                found.append(f"{fields}: {ours.to_dict()} is not {same_text.to_dict()}")
    return found


def _attributes(request: TokenRequest) -> dict[str, Any]:
    names = ("key_name", "client_id", "nonce", "capability", "ttl", "timestamp")
    return {name: getattr(request, name) for name in names}
