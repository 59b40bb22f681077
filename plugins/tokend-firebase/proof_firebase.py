"""Random custom tokens: PyPI firebase_admin 7.7.0 makes the same claims, and PyJWT reads them with the documented rules.

Rules: https://firebase.google.com/docs/auth/admin/create-custom-tokens, "Create custom tokens using a third-party JWT library".
"""

import importlib
import time
from collections.abc import Mapping
from random import Random
from typing import Any, Final

import jwt
from tokend_firebase import Firebase, FirebaseFields, FirebaseOptions

from tokend.plugins import AppCredentials, Issuance, Secret
from tokend.testing import new_rsa_key, public_rsa_key

MANY: Final = 100_000
ACCOUNT: Final = "firebase-adminsdk-7@example-project.iam.gserviceaccount.com"
AUDIENCE: Final = "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit"
CLAIMS: Final = ("role", "premiumAccount", "level", "groups")
_UIDS: Final = ("ann", "ann@example.com", "Zoë 7", "用户", "a" * 128, 'a "b" \\', "auth0|5f")
_VALUES: Final[Mapping[str, tuple[object, ...]]] = {
    "role": ("host", "Zoë", "李雷 🎉", ""),
    "premiumAccount": (True, False),
    "level": (0, 1, -7, 1 << 53),
    "groups": ([], ["a", "b"], [1, True, "x"]),
}
# the library has neither types nor a stub package
firebase_admin: Final[Any] = importlib.import_module("firebase_admin")
auth: Final[Any] = importlib.import_module("firebase_admin.auth")
tenant_mgt: Final[Any] = importlib.import_module("firebase_admin.tenant_mgt")


def account_app(pem: str, name: str) -> Any:
    """firebase_admin with a service account of this key. Nothing is sent: custom tokens are signed where it runs."""
    certificate = {"type": "service_account", "project_id": "example-project", "client_email": ACCOUNT}
    certificate |= {"private_key": pem, "private_key_id": "7f3a", "token_uri": "https://127.0.0.1/token"}
    return firebase_admin.initialize_app(firebase_admin.credentials.Certificate(certificate), name=name)


def fields_of(random: Random) -> dict[str, Any]:
    """The fields of a random token request."""
    fields: dict[str, Any] = {"user": random.choice(_UIDS)}
    if random.random() < 0.6:
        names = random.sample(CLAIMS, random.randint(1, len(CLAIMS)))
        fields["claims"] = {name: random.choice(_VALUES[name]) for name in names}
    if random.random() < 0.3:
        fields["tenant_id"] = random.choice(("acme-x7k2p", "T1"))
    return fields


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that others read or make otherwise than the request says. `count`: how many tokens are made."""
    random, found, pem = Random(seed), [], new_rsa_key()
    key = {"key_id": "7f3a", "private_key": Secret(pem)}
    options = FirebaseOptions.model_validate({"service_account": ACCOUNT, "keys": [key], "claims": [*CLAIMS]})
    backend = Firebase(options, AppCredentials(None, {}))
    app = account_app(pem, f"proof-{count}-{seed}")
    public = public_rsa_key(pem)
    for _ in range(count):
        fields, issued_at, ttl = fields_of(random), int(time.time()), random.randint(60, 3600)
        grant = backend.grant(FirebaseFields.model_validate(fields), ttl)
        token = backend.mint(grant, Issuance(issued_at, random.getrandbits(128))).token
        claims, header = read(token, public)
        if "tenant_id" in fields:
            client = tenant_mgt.auth_for_tenant(fields["tenant_id"], app)
            made = client.create_custom_token(fields["user"], fields.get("claims"))
        else:
            made = auth.create_custom_token(fields["user"], fields.get("claims"), app)
        expected, expected_header = read(made.decode(), public)
        expected |= {"iat": issued_at, "exp": issued_at + ttl}
        if (claims, header) != (expected, expected_header):
            found.append(f"{fields}: {header} {claims} is not {expected_header} {expected}")
    firebase_admin.delete_app(app)
    return found


def read(token: str, public: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Claims and header, after the checks that the page documents."""
    claims = jwt.decode(
        token,
        public,
        ["RS256"],
        audience=AUDIENCE,
        issuer=ACCOUNT,
        subject=ACCOUNT,
        options={"require": ["iss", "sub", "aud", "iat", "exp", "uid"]},
    )
    assert 1 <= len(claims["uid"]) <= 128
    assert 0 < claims["exp"] - claims["iat"] <= 3600
    return claims, jwt.get_unverified_header(token)
