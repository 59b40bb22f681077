"""The kind `stream` in a running application: its page, mistakes, and PyJWT with Stream's library beside an answer."""

import importlib
from pathlib import Path
from typing import Any, Final

import jwt
import pytest
from stream_chat import StreamChat

from tests.system.plugins.vendor_apps import (
    Mistake,
    blocks,
    check_example,
    check_mistake,
    check_wrong_option,
    configuration,
    example,
    inspected,
    issued,
    page,
    server_of,
    short,
)
from tests.unit.http.running import Serving

proof: Any = importlib.import_module("plugins.tokend-stream.proof_stream")

PAGE: Final = page("stream")
SECRETS: Final = {"STREAM_SECRET": proof.SECRET}
YAML: Final = f"""
apps:
  demo:
    backends: {{stream: {{api_key: {proof.API_KEY}, secret: {{env: STREAM_SECRET}}}}}}
    callers:
      web:
        anonymous: true
        rules:
          - {{channel: "default:class-*", user: "pupil-*"}}
          - {{channel: "default:class-*", user: "teacher-*", capabilities: [call_role], fields: {{role: [host, moderator]}}}}
          - {{channel: "livestream:*"}}
    routes: [{{path: /}}]
"""
PUPIL: Final = {"user": "pupil-3", "calls": ["default:class-7"]}
NO_RULE: Final = "no rule of this caller permits this"
MISTAKES: Final[list[Mistake]] = [
    ({"user": None}, 400, "user", "is missing"),
    ({"user": "auth0|5f"}, 400, "user", "must be 1 to 255 of A-Z a-z 0-9 @ _ and -"),
    ({"user": "*"}, 400, "user", "must be 1 to 255 of A-Z a-z 0-9 @ _ and -"),
    ({"user": "!anon", "calls": None}, 400, "calls", "is missing: the user !anon needs calls"),
    ({"calls": []}, 400, "calls", "must hold at least 1"),
    ({"calls": ["class-7"]}, 400, "calls.0", "must match the pattern"),
    ({"calls": ["default:*"]}, 400, "calls.0", "must match the pattern"),
    ({"calls": ["default:class-7"] * 2}, 400, "calls", "has the same call twice"),
    ({"calls": None, "role": "host"}, 400, "role", "needs calls"),
    ({"server": True}, 400, "user", "must not stand beside server"),
    ({"server": True, "user": None}, 400, "calls", "must not stand beside server"),
    ({"channel_cids": ["messaging:1"]}, 400, "channel_cids", "is not a field of"),
    ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
    ({"server": True, "user": None, "calls": None}, 403, None, "app_admin"),
    ({"calls": ["default:staff"]}, 403, None, NO_RULE),
    ({"calls": ["default:class-7", "default:staff"]}, 403, None, NO_RULE),
    ({"user": "ann"}, 403, None, NO_RULE),
    ({"calls": ["livestream:keynote"]}, 403, None, NO_RULE),
    ({"role": "host"}, 403, None, "call_role"),
    ({"user": "teacher-1", "role": "admin"}, 403, None, NO_RULE),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(serving: Serving, mistake: Mistake) -> None:
    await check_mistake(serving, configuration(YAML, SECRETS), {"kind": "stream", **PUPIL}, mistake)


async def test_a_server_token_needs_app_admin(serving: Serving) -> None:
    rule = '{channel: "livestream:*"}'
    for rules, status in (("{}", 403), ("{capabilities: [call_role]}", 403), ("{capabilities: [app_admin]}", 200)):
        async with serving(configuration(YAML.replace(rule, rules), SECRETS)) as server:
            reply = await server.token_request("POST", "/v1/token", {"kind": "stream", "server": True})
            assert reply.status == status, reply.body
    claims = jwt.decode(
        reply.json["token"], proof.SECRET, ["HS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims == {"server": True, "iat": reply.json["issued_at"] - 5, "exp": reply.json["expires_at"]}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f"api_key: {proof.API_KEY}, ", "", "api_key"),
        ("{env: STREAM_SECRET}", "{env: MISSING}", "MISSING"),
        ("secret: {env: STREAM_SECRET}", f"secret: {proof.SECRET}", "secret"),
        ("[call_role]", "[call_rule]", "did you mean 'call_role'"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    check_wrong_option(YAML, SECRETS, old, new, words)


async def test_the_configuration_and_the_example_of_the_page_are_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS)
    (text,) = blocks(PAGE, "yaml")
    async with serving(configuration(text, SECRETS)) as server:
        assert (await server.token_request("POST", "/demo/v1/token", example(PAGE)[0])).status == 403
        anonymous = {"kind": "stream", "user": "!anon", "calls": ["livestream:keynote"]}
        assert (await server.token_request("POST", "/demo/v1/token", anonymous)).status == 200


def test_a_server_answers_tokens_as_streams_library_makes_them(tmp_path: Path) -> None:
    with server_of(tmp_path, YAML, SECRETS) as url:
        fields = {"user": "teacher-1", "calls": ["default:class-7", "default:class-8"], "role": "host"}
        answer = issued(url, {"kind": "stream", **fields})
        own = proof.of_stream(
            StreamChat(proof.API_KEY, proof.SECRET), fields, answer["issued_at"] - 5, answer["expires_at"]
        )
        assert jwt.decode(answer["token"], proof.SECRET, ["HS256"]) == own
        assert (answer["api_key"], answer["role"]) == (proof.API_KEY, "host")
        read = inspected(url, answer["token"])
        assert read["capabilities"] == ["call_role"]
