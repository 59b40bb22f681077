"""Random tokens for JaaS, read by PyJWT 2 with every rule of https://developer.8x8.com/jaas/docs/api-keys-jwt."""

import importlib
import time
from random import Random
from typing import Any, Final

import jwt
from tokend_jaas import Jaas, JaasOptions
from tokend_jitsi import JitsiFields

from tokend.plugins import AppCredentials, Issuance, Secret
from tokend.testing import new_rsa_key, public_rsa_key

MANY: Final = 100_000
APP_ID: Final = "vpaas-magic-cookie-1fc542a3e4414a44b2611668195e2bfe"
"""The AppID of 8x8's own examples."""
_requests: Final[Any] = importlib.import_module("plugins.tokend-jitsi.proof_jitsi")


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that PyJWT reads otherwise than the request says. `count`: how many tokens are made."""
    random, found, pem = Random(seed), [], new_rsa_key()
    options = JaasOptions.model_validate({"app_id": APP_ID, "keys": [{"key_id": "4f4910", "private_key": Secret(pem)}]})
    backend = Jaas(options, AppCredentials(None, {}))
    public = public_rsa_key(pem)
    for _ in range(count):
        fields, ttl = _requests.fields_of(random, features_need_moderator=True), random.randint(60, 1_000_000)
        issued_at = int(time.time()) - random.randint(0, 50)
        grant = backend.grant(JitsiFields.model_validate(fields), ttl)
        token = backend.mint(grant, Issuance(issued_at, random.getrandbits(128))).token
        claims = jwt.decode(
            token,
            public,
            ["RS256"],
            audience="jitsi",
            issuer="chat",
            subject=APP_ID,
            options={"require": ["aud", "iss", "sub", "exp", "nbf"]},
        )
        own = {"aud": "jitsi", "iss": "chat", "sub": APP_ID}
        times = {"iat": issued_at, "nbf": issued_at - 10, "exp": issued_at + ttl}
        if claims != {**own, **times, **_requests.expected(fields)}:
            found.append(f"{fields}: {claims}")
        if jwt.get_unverified_header(token) != {"alg": "RS256", "typ": "JWT", "kid": f"{APP_ID}/4f4910"}:
            found.append(f"{fields}: header {jwt.get_unverified_header(token)}")
    return found
