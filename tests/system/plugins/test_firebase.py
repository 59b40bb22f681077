"""The kind `firebase` in a running application: its page, mistakes, and PyJWT as the reader of an answer."""

import importlib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.system.plugins.vendor_apps import (
    Mistake,
    check_configurations,
    check_example,
    check_mistake,
    check_wrong_option,
    configuration,
    inspected,
    issued,
    page,
    server_of,
    short,
)
from tests.unit.http.running import Serving
from tokend.testing import new_rsa_key, public_rsa_key

proof: Any = importlib.import_module("plugins.tokend-firebase.proof_firebase")

PAGE: Final = page("firebase")
SECRETS: Final = {name: new_rsa_key() for name in ("FIREBASE_KEY", "FIREBASE_OLD_KEY")} | {"TEXT": "9f8e7d6c5b4a"}
APP: Final = f"""
apps:
  demo:
    backends:
      firebase: {{service_account: {proof.ACCOUNT}, keys: [{{key_id: 7f3a, private_key: {{env: FIREBASE_KEY}}}}], claims: [role]}}
    callers:
      web:
        anonymous: true
        rules: [{{user: "guest-*"}}, {{user: "host-*", capabilities: [claims], fields: {{role: [host, speaker]}}}}]
    routes: [{{path: /}}]
"""
HOST: Final[dict[str, object]] = {"kind": "firebase", "user": "host-7", "claims": {"role": "host"}}
MISTAKES: Final[list[Mistake]] = [
    ({"user": None}, 400, "user", "is missing"),
    ({"user": ""}, 400, "user", "must be 1 to 128 printable characters"),
    ({"user": "*"}, 400, "user", "other than *"),
    ({"user": "host-" + "7" * 124}, 400, "user", "must be 1 to 128"),
    ({"claims": {"admin": True}}, 400, "claims.admin", "is not in `claims` of the kind's options"),
    ({"claims": {"sub": "bob"}}, 400, "claims.sub", "is reserved by Firebase"),
    ({"claims": {"role": "x" * 1000}}, 400, "claims", "must be at most 1000 characters"),
    ({"tenant_id": "a b"}, 400, "tenant_id", "must"),
    ({"room": "lobby"}, 400, "room", "is not a field of"),
    ({"ttl": 3601}, 400, "ttl", "must be 60 to 3600 seconds"),
    ({"claims": {"role": "admin"}}, 403, None, "no rule of this caller permits this"),
    ({"user": "guest-7"}, 403, None, "this needs claims among the capabilities"),
    ({"tenant_id": "acme-x7k2p"}, 403, None, "tenant"),
    ({"user": "ann"}, 403, None, "no rule of this caller permits this"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(serving: Serving, mistake: Mistake) -> None:
    await check_mistake(serving, configuration(APP, SECRETS), HOST, mistake)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("FIREBASE_KEY", "TEXT", "must be an RSA private key of at least 2048 bits in PEM"),
        ("claims: [role]", "claims: [sub]", "is a name that Firebase reserves"),
        ("claims: [role]", "claims: [user]", "is the name of a field of the kind"),
        (proof.ACCOUNT, "example-project", "service_account"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    check_wrong_option(APP, SECRETS, old, new, words)


def test_the_configurations_of_the_page_load() -> None:
    check_configurations(PAGE, SECRETS)


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS)


def test_a_server_answers_tokens_that_pyjwt_reads(tmp_path: Path) -> None:
    with server_of(tmp_path, APP, SECRETS) as url:
        answer = issued(url, HOST)
        claims, header = proof.read(answer["token"], public_rsa_key(SECRETS["FIREBASE_KEY"]))
        assert (claims["uid"], claims["claims"], header["kid"]) == ("host-7", {"role": "host"}, "7f3a")
        assert claims["exp"] == answer["expires_at"]
        read = inspected(url, answer["token"])
        assert read["services"][0]["name"] == "firebase"
