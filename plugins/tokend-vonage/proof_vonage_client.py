"""Random tokens for the Vonage Client SDK: PyPI vonage_jwt 1.1.5 makes the same claims, and PyJWT reads both."""

import importlib
import time
from random import Random
from typing import Any, Final

import jwt
from tokend_vonage import Client, ClientFields, VonageOptions

from tokend.plugins import AppCredentials, Issuance, Secret
from tokend.testing import new_rsa_key, public_rsa_key

MANY: Final = 100_000
PATHS: Final = ("users", "conversations", "sessions", "devices", "image", "media", "push", "knocking", "legs")
"""Those of https://developer.vonage.com/en/tutorials/in-app-messaging/generate-jwts-alice-and-bob/javascript."""
_USERS: Final = ("Alice", "alice@example.com", "Zoë 7", "用户", "a" * 255, 'a "b" \\')
# the library has no types
vonage_jwt: Final[Any] = importlib.import_module("vonage_jwt")
_keys: Final[Any] = importlib.import_module("plugins.tokend-vonage.proof_vonage")


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that vonage_jwt makes otherwise, for the same arguments. `count`: how many tokens are made."""
    random, found, pem = Random(seed), [], new_rsa_key()
    options = VonageOptions.model_validate({"application_id": _keys.APPLICATION, "private_key": [Secret(pem)]})
    backend, public = Client(options, AppCredentials(None, {})), public_rsa_key(pem)
    maker = vonage_jwt.JwtClient(_keys.APPLICATION, pem)
    maker._private_key = _keys.private_key(pem)  # parsed once, and not for each token
    for _ in range(count):
        fields: dict[str, Any] = {"user": random.choice(_USERS)}
        if random.random() < 0.7:
            fields["acl"] = random.sample(PATHS, random.randint(1, len(PATHS)))
        issued_at, ttl = int(time.time()), random.randint(60, 86_400)
        grant = backend.grant(ClientFields.model_validate(fields), ttl)
        ours = backend.mint(grant, Issuance(issued_at, random.getrandbits(128))).token
        acl: dict[str, Any] = {"paths": {f"/*/{name}/**": {} for name in fields.get("acl", PATHS)}}
        arguments = {"sub": fields["user"], "acl": acl, "iat": issued_at, "exp": issued_at + ttl}
        made = maker.generate_application_jwt(arguments).decode()
        claims, expected = (jwt.decode(token, public, ["RS256"]) for token in (ours, made))
        expected |= {"jti": claims["jti"]}
        if claims != expected or jwt.get_unverified_header(ours) != jwt.get_unverified_header(made):
            found.append(f"{fields}: {claims} is not {expected}")
    return found
