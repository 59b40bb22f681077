"""The kinds `jitsi` and `jaas` in a running application: their page, mistakes, and PyJWT as the reader of an answer."""

import importlib
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
from tokend.testing import new_rsa_key, public_rsa_key

proof: Any = importlib.import_module("plugins.tokend-jitsi.proof_jaas")

PAGE: Final = page("jitsi")
SECRETS: Final = {
    "JITSI_SECRET": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    **{name: new_rsa_key() for name in ("JAAS_KEY", "JAAS_OLD_KEY")},
}
BOTH: Final = f"""
apps:
  demo:
    backends:
      jitsi: {{app_id: my_client, secret: {{env: JITSI_SECRET}}, domain: meet.example.com}}
      jaas: {{app_id: {proof.APP_ID}, keys: [{{key_id: 4f4910, private_key: {{env: JAAS_KEY}}}}]}}
    callers:
      web: {{anonymous: true, rules: [{{channel: "class-*", user: "pupil-*"}}, {{user: "guide-*"}}]}}
    routes: [{{path: /}}]
"""
PUPIL: Final = {"room": "class-7", "user": "pupil-3"}
MISTAKES: Final[list[Mistake]] = [
    ({"room": None}, 400, "room", "must be text"),
    ({"room": ""}, 400, "room", "must be *, or 1 to 1023 of a-z"),
    ({"room": "Class-7"}, 400, "room", "as Jitsi turns upper case into lower case"),
    ({"room": "class-*"}, 400, "room", "must be *, or 1 to 1023 of a-z"),
    ({"user": None}, 400, "user", "is missing"),
    ({"user": "pupil-*"}, 400, "user", "other than *"),
    ({"moderator": "true"}, 400, "moderator", "must be true or false"),
    ({"features": ["admin"]}, 400, "features.0", "must be 'livestreaming'"),
    ({"admin": True}, 400, "admin", "is not a field of"),
    ({"ttl": 0}, 400, "ttl", "must be 60 to 86400 seconds"),
    ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
    ({"room": "*"}, 403, None, "no rule of this caller permits this"),
    ({"room": "*", "user": "guide-1"}, 403, None, "wildcard_channel, wildcard_publish"),
    ({"moderator": True}, 403, None, "moderator"),
    ({"moderator": True, "features": ["recording"]}, 403, None, "recording"),
    ({"hidden_from_recorder": True}, 403, None, "hidden_from_recorder"),
    ({"room": "retro-7"}, 403, None, "no rule of this caller permits this"),
    ({"user": "ann"}, 403, None, "no rule of this caller permits this"),
]


@pytest.mark.parametrize("kind", ["jitsi", "jaas"])
@pytest.mark.parametrize("mistake", MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(serving: Serving, kind: str, mistake: Mistake) -> None:
    await check_mistake(serving, configuration(BOTH, SECRETS), {"kind": kind, **PUPIL}, mistake)


async def test_jaas_gives_features_to_moderators_only(serving: Serving) -> None:
    async with serving(configuration(BOTH, SECRETS)) as server:
        fields = {**PUPIL, "features": ["recording"]}
        reply = await server.token_request("POST", "/v1/token", {"kind": "jaas", **fields})
        assert (reply.status, reply.json["field"]) == (400, "features")
        assert (await server.token_request("POST", "/v1/token", {"kind": "jitsi", **fields})).status == 403


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("JAAS_KEY", "JITSI_SECRET", "must be an RSA private key of at least 2048 bits in PEM"),
        ("key_id: 4f4910", f'key_id: "{proof.APP_ID}/4f4910"', "key_id"),
        (f"app_id: {proof.APP_ID}", "app_id: my_client", "app_id"),
        ("domain: meet.example.com", 'domain: "*"', "must be a domain or a tenant in lower case, without *"),
        ("domain: meet.example.com", "domain: Meet.example.com", "must be a domain or a tenant in lower case"),
        ("app_id: my_client, ", "", "app_id"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    check_wrong_option(BOTH, SECRETS, old, new, words)


def test_the_configurations_of_the_page_load() -> None:
    check_configurations(PAGE, SECRETS)


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS)


def test_a_server_answers_tokens_that_pyjwt_reads(tmp_path: Path) -> None:
    with server_of(tmp_path, BOTH, SECRETS) as url:
        for kind in ("jitsi", "jaas"):
            answer = issued(url, {"kind": kind, **PUPIL, "name": "Zoë"})
            header = jwt.get_unverified_header(answer["token"])
            readers: dict[str, tuple[Any, str]] = {
                "jitsi": (SECRETS["JITSI_SECRET"], "my_client"),
                "jaas": (public_rsa_key(SECRETS["JAAS_KEY"]), "chat"),
            }
            key, issuer = readers[kind]
            claims = jwt.decode(answer["token"], key, [header["alg"]], audience="jitsi", issuer=issuer)
            assert (claims["room"], claims["exp"]) == ("class-7", answer["expires_at"])
            assert claims["context"]["user"]["name"] == "Zoë"
            read = inspected(url, answer["token"])
            assert read["services"][0]["name"] == "jitsi"
            assert header.get("kid") == (f"{proof.APP_ID}/4f4910" if kind == "jaas" else None)
