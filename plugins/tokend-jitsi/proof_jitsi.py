"""Random tokens for Jitsi servers, read by PyJWT 2 with every check that doc/tokens.md of lib-jitsi-meet names."""

import time
from collections.abc import Mapping
from random import Random
from typing import Any, Final

import jwt
from tokend_jitsi import Jitsi, JitsiFields, JitsiOptions

from tokend.plugins import AppCredentials, Issuance, Secret, SecretList

MANY: Final = 1_000_000
FEATURES: Final = (
    *("livestreaming", "recording", "transcription", "sip-inbound-call", "sip-outbound-call", "inbound-call"),
    *("outbound-call", "file-upload", "list-visitors"),
)
"""The keys that https://developer.8x8.com/jaas/docs/api-keys-jwt lists, in November 2026."""
_SECRET: Final = "f3b1c8a92d7e4650b1f0a7c3d9e81524"
_TEXTS: Final = (
    "Ann",
    "Zoë Müller",
    "أحمد",
    "李雷 🎉",
    'a "quoted" \\ name',
    "x" * 200,
    "https://pictures.example/a.png",
)


def fields_of(random: Random, features_need_moderator: bool = False) -> dict[str, Any]:
    """The fields of a random token request."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789_.!~()%-"
    fields: dict[str, Any] = {
        "room": "*" if random.random() < 0.1 else "".join(random.choices(letters, k=random.randint(1, 40))),
        "user": random.choice(("ann", "ann@example.com", "auth0|5f", "Zoë", "用户", "a" * 255)),
        "moderator": random.random() < 0.5,
        "hidden_from_recorder": random.random() < 0.2,
    }
    fields |= {name: random.choice(_TEXTS) for name in ("name", "email", "group") if random.random() < 0.5}
    if random.random() < 0.5:
        fields["avatar"] = f"https://pictures.example/{random.getrandbits(64):x}.png?size=64&of=%C3%A9"
    if random.random() < 0.2:
        fields["callee"] = {"id": "bob", "name": random.choice(_TEXTS), "avatar": "https://pictures.example/b.png"}
    if fields["moderator"] or not features_need_moderator:
        fields["features"] = random.sample(FEATURES, random.randint(0, len(FEATURES)))
    return fields


def expected(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The claims room and context, as the two pages describe them. Flags are texts there."""
    user = {name: fields[name] for name in ("name", "email", "avatar") if name in fields}
    user |= {"id": fields["user"], "moderator": str(fields["moderator"]).lower()}
    user["hidden-from-recorder"] = str(fields["hidden_from_recorder"]).lower()
    context = {name: fields[name] for name in ("group", "callee") if name in fields}
    features = {name: str(name in fields.get("features", ())).lower() for name in FEATURES}
    return {"room": fields["room"], "context": {**context, "user": user, "features": features}}


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that PyJWT reads otherwise than the request says. `count`: how many tokens are made."""
    random, found = Random(seed), []
    backends = {
        algorithm: Jitsi(
            JitsiOptions(
                app_id="my_client",
                secret=SecretList([Secret(_SECRET * 2)]),
                domain="meet.example.com",
                algorithm=algorithm,
            ),
            AppCredentials(None, {}),
        )
        for algorithm in ("HS256", "HS384", "HS512")
    }
    for _ in range(count):
        fields, ttl = fields_of(random), random.randint(60, 1_000_000)
        algorithm = random.choice(list(backends))
        issued_at = int(time.time()) - random.randint(0, 50)
        grant = backends[algorithm].grant(JitsiFields.model_validate(fields), ttl)
        token = backends[algorithm].mint(grant, Issuance(issued_at, random.getrandbits(128))).token
        claims = jwt.decode(
            token,
            _SECRET * 2,
            [algorithm],
            audience="jitsi",
            issuer="my_client",
            options={"require": ["aud", "iss", "sub", "exp", "nbf", "iat"]},
        )
        own = {"aud": "jitsi", "iss": "my_client", "sub": "meet.example.com"}
        times = {"iat": issued_at, "nbf": issued_at - 10, "exp": issued_at + ttl}
        if claims != {**own, **times, **expected(fields)}:
            found.append(f"{fields} with {algorithm}: {claims}")
        if jwt.get_unverified_header(token) != {"alg": algorithm, "typ": "JWT"}:
            found.append(f"{fields} with {algorithm}: header {jwt.get_unverified_header(token)}")
    return found
