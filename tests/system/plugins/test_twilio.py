"""The kind `twilio` in a running application: its page, mistakes, and Twilio's library as the reader of an answer."""

import importlib
import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any, Final

import pytest
from twilio.jwt.access_token import AccessToken  # type: ignore[import-untyped]

from tests.system.plugins.vendor_apps import (
    Mistake,
    blocks,
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

proof: Any = importlib.import_module("plugins.tokend-twilio.proof_twilio")

PAGE: Final = page("twilio")
SECRETS: Final = {"TWILIO_SECRET": proof.SECRET}
AP, CR, IS = (f"{prefix}{'0123456789abcdef' * 2}" for prefix in ("AP", "CR", "IS"))
YAML: Final = f"""
apps:
  demo:
    backends:
      twilio: {{account_sid: {proof.ACCOUNT}, keys: [{{sid: {proof.KEY}, secret: {{env: TWILIO_SECRET}}}}]}}
    callers:
      web:
        anonymous: true
        rules:
          - {{channel: "room-*", user: "guest_*"}}
          - {{user: "staff_*", capabilities: [chat, incoming_calls], fields: {{chat_service_sid: [{IS}]}}}}
          - {{channel: "sync-*", capabilities: [sync]}}
    routes: [{{path: /}}]
"""
GUEST: Final = {"room": "room-7", "user": "guest_3"}
PATTERN: Final = "must match the pattern"
MISTAKES: Final[list[Mistake]] = [
    ({"room": None}, 400, "room", "is missing, and so are incoming"),
    ({"room": ""}, 400, "room", "must be 1 to 128 printable characters"),
    ({"room": "room-*"}, 400, "room", "other than *"),
    ({"user": None}, 400, "user", "is missing"),
    ({"user": "*"}, 400, "user", "other than *"),
    ({"user": "guest 3", "incoming": True}, 400, "user", "must be of A-Z a-z 0-9 and _ for Voice"),
    ({"chat_service_sid": AP}, 400, "chat_service_sid", PATTERN),
    ({"sync_service_sid": "IS1"}, 400, "sync_service_sid", PATTERN),
    ({"outgoing_application_sid": "AP"}, 400, "outgoing_application_sid", PATTERN),
    ({"outgoing_params": {"to": "1"}}, 400, "outgoing_params", "needs outgoing_application_sid"),
    ({"voice_push_credential_sid": CR}, 400, "voice_push_credential_sid", "needs incoming"),
    ({"chat_push_credential_sid": CR}, 400, "chat_push_credential_sid", "needs chat_service_sid"),
    ({"sync_endpoint_id": "web"}, 400, "sync_endpoint_id", "needs sync_service_sid"),
    ({"incoming": "yes"}, 400, "incoming", "must be true or false"),
    ({"workspace_sid": "WS1"}, 400, "workspace_sid", "is not a field of"),
    ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
    ({"room": "*"}, 403, None, "no rule of this caller permits this"),
    ({"room": "*", "user": "staff_1"}, 403, None, "wildcard_channel, wildcard_publish"),
    ({"room": "lobby"}, 403, None, "no rule of this caller permits this"),
    ({"user": "ann"}, 403, None, "no rule of this caller permits this"),
    ({"incoming": True}, 403, None, "incoming_calls"),
    ({"outgoing_application_sid": AP}, 403, None, "outgoing_calls"),
    ({"chat_service_sid": IS}, 403, None, "chat"),
    ({"user": "staff_1", "chat_service_sid": f"IS{'0' * 32}"}, 403, None, "no rule of this caller permits this"),
    ({"room": None, "user": "sync_1", "sync_service_sid": IS}, 403, None, "no rule of this caller permits this"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(serving: Serving, mistake: Mistake) -> None:
    await check_mistake(serving, configuration(YAML, SECRETS), {"kind": "twilio", **GUEST}, mistake)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (proof.ACCOUNT, proof.KEY, "account_sid"),
        (f"sid: {proof.KEY}", f"sid: {proof.ACCOUNT}", "sid"),
        ("secret: {env: TWILIO_SECRET}", f"secret: {proof.SECRET}", "secret"),
        ("routes:", "ttl: {max: 25h}\n    routes:", "is over the maximum of every kind: twilio 86400 s"),
    ],
)
def test_a_wrong_option_is_named_without_the_secret(old: str, new: str, words: str) -> None:
    check_wrong_option(YAML, SECRETS, old, new, words)


async def test_the_configurations_of_the_page_load_and_its_endpoint_answers_the_quickstart(serving: Serving) -> None:
    first, second = blocks(PAGE, "yaml")
    assert configuration(first, SECRETS).apps
    async with serving(configuration(second, SECRETS)) as server:
        reply = await server.token_request("GET", "/token?identity=guest_3")
        assert (reply.status, reply.json["identity"]) == (200, "guest_3")
        assert (await server.token_request("GET", "/token?identity=ann")).status == 403


async def test_the_pages_endpoints_answer_the_requests_of_twilios_starters(serving: Serving) -> None:
    """sdk-starter-node, and twilio-video-app-react with the function of @twilio-labs/plugin-rtc."""
    json_body = ("Content-Type", "application/json")
    chat, sync = {"service_sid": IS}, {"service_sid": "default"}
    video = {"user_identity": "guest_3", "room_name": "room-7", "create_room": True, "create_conversation": False}
    async with serving(configuration(blocks(PAGE, "yaml")[1], SECRETS)) as server:
        for method, path, body, keys, grants in (
            ("GET", "/starter/token/guest_3", None, {"identity", "token"}, {"chat": chat, "data_sync": sync}),
            ("POST", "/starter/token", {"id": "guest_3"}, {"identity", "token"}, {"chat": chat, "data_sync": sync}),
            ("POST", "/video/token", video, {"token", "room_type"}, {"chat": chat, "video": {"room": "room-7"}}),
        ):
            reply = await server.token_request(
                method, path, None if body is None else json.dumps(body).encode(), json_body
            )
            assert (reply.status, reply.json.keys()) == (200, keys), reply.body
            assert reply.json.get("identity", "guest_3") == "guest_3"
            said = json.loads(urlsafe_b64decode(reply.json["token"].split(".")[1] + "=="))
            assert said["grants"] == {"identity": "guest_3", **grants}


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS)


def test_a_server_answers_tokens_that_twilios_library_reads(tmp_path: Path) -> None:
    with server_of(tmp_path, YAML, SECRETS) as url:
        fields = {"user": "staff_1", "incoming": True, "chat_service_sid": IS}
        answer = issued(url, {"kind": "twilio", **fields})
        token = AccessToken.from_jwt(answer["token"], proof.SECRET)
        own = proof.of_twilio(fields, answer["issued_at"], 3600, None).payload
        assert token.payload == {**own, "jti": f"{proof.KEY}-{answer['issued_at']}"}
        assert token.payload["exp"] == answer["expires_at"]
        read = inspected(url, answer["token"])
        assert read["capabilities"] == ["chat", "incoming_calls"]
        assert read["services"][1]["detail"] == {"chat_service_sid": IS}
