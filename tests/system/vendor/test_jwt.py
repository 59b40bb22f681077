"""Tokens of the kind `jwt`: random ones of each documented vendor, and one of a running server with every check of PyJWT on."""

import json
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from tests.running import serving
from tests.system.vendor.proof_jwt import SECRET, VENDORS, backends, differences

_YAML: Final = """
apps:
  demo:
    backends:
      meet:
        backend: jwt
        algorithm: HS256
        secret: {env: SECRET}
        always: publish
        fields: {room: {as: channel}, user: {as: user}}
        claims:
          aud: jitsi
          iss: my_app_id
          sub: "{user}"
          room: "{room}"
          jti: "{nonce}"
          nbf: "{issued_at - 10}"
          iat: "{issued_at}"
          exp: "{expires_at}"
    callers:
      web: {anonymous: true, rules: [{channel: "team-*", user: ann}]}
    routes: [{path: /}]
"""
_REQUIRED: Final = ["aud", "iss", "sub", "jti", "nbf", "iat", "exp"]


def test_random_tokens_are_as_each_vendor_documents() -> None:
    assert differences(2_000, 1) == []


def test_each_kind_of_the_page_is_proven() -> None:
    assert backends().keys() == VENDORS.keys()


def test_a_token_of_the_running_server_passes_every_check(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(_YAML)
    with serving(tmp_path, {"SECRET": SECRET}, lines=1) as running:
        request = urllib.request.Request(
            f"{running.url.rstrip('/')}/v1/token",
            json.dumps({"kind": "meet", "room": "team-1", "ttl": 600}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            token = json.load(response)["token"]
    checks: dict[str, Any] = {"algorithms": ["HS256"], "audience": "jitsi", "issuer": "my_app_id", "subject": "ann"}
    claims = jwt.decode(token, SECRET, **checks, options={"require": _REQUIRED, "strict_aud": True})
    assert (claims["room"], claims["exp"] - claims["iat"], claims["iat"] - claims["nbf"]) == ("team-1", 600, 10)
    assert abs(claims["iat"] - time.time()) < 120  # PyJWT itself rejects one in the future
    for changed, error in (
        ({"audience": "other"}, jwt.InvalidAudienceError),
        ({"issuer": "other"}, jwt.InvalidIssuerError),
        ({"subject": "bob"}, jwt.exceptions.InvalidSubjectError),
        ({"algorithms": ["HS512"]}, jwt.InvalidAlgorithmError),
        ({"leeway": -601, "options": {"verify_iat": False, "verify_nbf": False}}, jwt.ExpiredSignatureError),
    ):
        with pytest.raises(error):
            jwt.decode(token, SECRET, **{**checks, **changed})
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, SECRET[::-1], **checks)
