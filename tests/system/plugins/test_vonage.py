"""The kinds `vonage` and `vonage_client` in a running application: their page, mistakes, and PyJWT as the reader."""

import importlib
import json
from pathlib import Path
from typing import Any, Final

import jwt
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
from tokend.dialects.contract import Inspect
from tokend.issuing.inspection import inspect
from tokend.testing import new_rsa_key, public_rsa_key

proof: Any = importlib.import_module("plugins.tokend-vonage.proof_vonage")

PAGE: Final = page("vonage")
SECRETS: Final = {"VONAGE_KEY": new_rsa_key(), "TEXT": "9f8e7d6c5b4a"}
SESSION: Final = proof.session(7)
OPTIONS: Final = f"{{application_id: {proof.APPLICATION}, private_key: {{env: VONAGE_KEY}}}}"
APP: Final = f"""
apps:
  demo:
    backends: {{vonage: {OPTIONS}, vonage_client: {OPTIONS}}}
    callers:
      web:
        anonymous: true
        rules:
          - {{kinds: vonage, channel: "{SESSION}", roles: [publisher, subscriber], fields: {{connection_data: "guest-*"}}}}
          - {{kinds: vonage_client, user: "guest-*"}}
    routes: [{{path: /}}]
    ttl: {{max: 30d}}
"""
VIDEO: Final[dict[str, object]] = {"kind": "vonage", "session_id": SESSION, "connection_data": "guest-7"}
CLIENT: Final[dict[str, object]] = {"kind": "vonage_client", "user": "guest-7"}
NOT_ALLOWED: Final = "the rule of this caller does not permit this"
MISTAKES: Final[list[tuple[dict[str, object], Mistake]]] = [
    (VIDEO, ({"session_id": None}, 400, "session_id", "must be text")),
    (VIDEO, ({"session_id": ""}, 400, "session_id", "must be a session of the application")),
    (VIDEO, ({"session_id": "*"}, 400, "session_id", "must be a session of the application")),
    (VIDEO, ({"session_id": proof.session(7, "other")}, 400, "session_id", "must be a session of the application")),
    (VIDEO, ({"role": "admin"}, 400, "role", "must be")),
    (VIDEO, ({"user": "guest-7"}, 400, "user", "is not a field of")),
    (VIDEO, ({"connection_data": "x" * 1001}, 400, "connection_data", "1000")),
    (VIDEO, ({"initial_layout_class_list": ["a b"]}, 400, "initial_layout_class_list", "classes without spaces")),
    (VIDEO, ({"ttl": 30 * 86_400 + 1}, 400, "ttl", "must be 60 to 2592000 seconds")),
    (VIDEO, ({"session_id": proof.session(8)}, 403, None, NOT_ALLOWED)),
    (VIDEO, ({"role": "moderator"}, 403, None, "moderate")),
    (VIDEO, ({"connection_data": "ann"}, 403, None, NOT_ALLOWED)),
    (CLIENT, ({"user": None}, 400, "user", "is missing")),
    (CLIENT, ({"user": ""}, 400, "user", "must be 1 to 255 printable characters")),
    (CLIENT, ({"user": "*"}, 400, "user", "other than *")),
    (CLIENT, ({"acl": []}, 400, "acl", "must")),
    (CLIENT, ({"acl": ["applications"]}, 400, "acl.0", "must be 'users'")),
    (CLIENT, ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds")),
    (CLIENT, ({"user": "ann"}, 403, None, NOT_ALLOWED)),
]


@pytest.mark.parametrize(("fields", "mistake"), MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(
    serving: Serving, fields: dict[str, object], mistake: Mistake
) -> None:
    await check_mistake(serving, configuration(APP, SECRETS), fields, mistake)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("VONAGE_KEY", "TEXT", "must be an RSA private key of at least 2048 bits in PEM"),
        (f"application_id: {proof.APPLICATION}", "application_id: my-app", "application_id"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    check_wrong_option(APP, SECRETS, old, new, words)


def test_the_configurations_of_the_page_load() -> None:
    check_configurations(PAGE, SECRETS)


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS)


def test_a_server_answers_tokens_that_pyjwt_reads(tmp_path: Path) -> None:
    public = public_rsa_key(SECRETS["VONAGE_KEY"])
    with server_of(tmp_path, APP, SECRETS) as url:
        for fields, name, value in ((VIDEO, "session_id", SESSION), (CLIENT, "sub", "guest-7")):
            answer = issued(url, fields)
            claims = jwt.decode(answer["token"], public, ["RS256"])
            assert (claims[name], claims["application_id"]) == (value, proof.APPLICATION)
            assert claims["exp"] == answer["expires_at"]
            read = inspected(url, answer["token"])
            assert read["services"][0]["name"] == fields["kind"]


def test_an_inspection_recognises_a_token_of_an_opentok_account_in_an_answer() -> None:
    backends = configuration(APP, SECRETS).apps["demo"].backends.values()
    found = inspect(backends, Inspect(json.dumps({"token": proof.opentok_account_token()})), 1_800_000_000)
    assert (found.says["format"], found.says["app"]) == ("OpenTok T1", "another")
    assert found.says["signature"] == "not by a secret of this app"
    assert "It stood in token of a JSON text." in found.notes
