"""Random tokens for Vonage Video: PyPI opentok 3.15.0 makes the same claims, and PyJWT reads both."""

import base64
import importlib
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any, Final

import jwt
from tokend_vonage import Video, VideoFields, VonageOptions

from tokend.plugins import AppCredentials, Issuance, Secret
from tokend.testing import new_rsa_key, public_rsa_key

MANY: Final = 100_000
APPLICATION: Final = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
ROLES: Final = ("subscriber", "publisher", "publisheronly", "moderator")
_TEXTS: Final = ("ann", '{"user": "ann"}', "Zoë 李雷 🎉", "x" * 1000)
# the library has no types
opentok: Final[Any] = importlib.import_module("opentok")


def session(number: int, application: str = APPLICATION) -> str:
    """The id of a session, in Vonage's form: its parts are an application, an address, a time and random ones."""
    parts = f"1~{application}~~1800000000000~{number:x}~fg~~"
    return "2_" + base64.urlsafe_b64encode(parts.encode()).decode().rstrip("=")


def opentok_account_token(**changes: Any) -> str:
    """A token of an OpenTok account, which opentok makes. `changes`: other arguments of its `generate_token`."""
    session_id = "1_" + base64.urlsafe_b64encode(b"1~45678901~~1800000000000~7~fg~").decode().rstrip("=")
    return str(opentok.Client("45678901", "9f8e7d6c5b4a").generate_token(session_id, use_jwt=False, **changes))


def fields_of(random: Random) -> dict[str, Any]:
    """The fields of a random token request."""
    fields: dict[str, Any] = {"session_id": session(random.getrandbits(64)), "role": random.choice(ROLES)}
    if random.random() < 0.5:
        fields["connection_data"] = random.choice(_TEXTS)
    if random.random() < 0.5:
        fields["initial_layout_class_list"] = random.sample(("focus", "wide-1", "full_screen"), random.randint(1, 3))
    return fields


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that opentok makes otherwise, for the same arguments. `count`: how many tokens are made."""
    random, found, pem = Random(seed), [], new_rsa_key()
    options = VonageOptions.model_validate({"application_id": APPLICATION, "private_key": [Secret(pem)]})
    backend, public = Video(options, AppCredentials(None, {})), public_rsa_key(pem)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "private.key"  # opentok takes a key of Vonage only as a file
        path.write_text(pem)
        client = opentok.Client(APPLICATION, str(path))
    client.api_secret = private_key(pem)  # parsed once, and not for each token
    for _ in range(count):
        fields, ttl = fields_of(random), random.randint(60, 30 * 86_400 - 60)
        issued_at = int(time.time())
        grant = backend.grant(VideoFields.model_validate(fields), ttl)
        ours = backend.mint(grant, Issuance(issued_at, random.getrandbits(128))).token
        made = client.generate_token(
            fields["session_id"],
            opentok.Roles(fields["role"]),
            issued_at + ttl,
            fields.get("connection_data"),
            fields.get("initial_layout_class_list", []),
        )
        claims, expected = (jwt.decode(token, public, ["RS256"]) for token in (ours, made))
        expected |= {"iat": issued_at, "jti": claims["jti"]}
        if claims != expected or jwt.get_unverified_header(ours) != jwt.get_unverified_header(made):
            found.append(f"{fields}: {claims} is not {expected}")
    return found


def private_key(pem: str) -> Any:
    """A private key as PyJWT parses it."""
    return jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).prepare_key(pem)
