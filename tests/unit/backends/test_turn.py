"""Kind `turn`: mistakes of requests and of the configuration, rotation, and what an inspection says."""

import base64
import hmac
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.config.writing import ENVIRONMENT, write
from tests.unit.http.running import CERTIFICATE, NOW, Serving
from tokend.cli.unconfigured import installed_backends
from tokend.config.loading import ConfigurationError, load
from tokend.core.errors import ApiError
from tokend.dialects.contract import Inspect
from tokend.issuing.inspection import inspect

_URIS: Final = '["turn:turn.example.com"]'
_YAML: Final = f"""
apps:
  demo:
    backends: {{turn: {{secret: {{env: CERTIFICATE}}, uris: {_URIS}}}}}
    callers: {{anybody: {{anonymous: true, rules: [RULE]}}}}
    routes: [{{path: /}}]
"""
_USER: Final = "must be 1 to 495 bytes of printable NFC text, without spaces, quotes and backslashes"


def _password(username: str, secret: str = CERTIFICATE) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()


def _yaml(rule: str = '{user: "*"}') -> str:
    return _YAML.replace("RULE", rule)


async def test_an_answer_has_all_that_a_client_needs(serving: Serving) -> None:
    async with serving(_yaml()) as server:
        reply = await server.token_request("POST", "/v1/token", {"kind": "turn", "user": "ann", "ttl": 600})
        username = f"{NOW + 600}:ann"
        assert reply.json == {
            "user": "ann",
            "username": username,
            "password": _password(username),
            "uris": ["turn:turn.example.com"],
            "token": f"{username}:{_password(username)}",
            "kind": "turn",
            "ttl": 600,
            "issued_at": NOW,
            "expires_at": NOW + 600,
            "renew_at": NOW + 300,
        }


@pytest.mark.parametrize(
    ("fields", "status", "field", "sentence"),
    [
        ({}, 400, "user", "is missing"),
        ({"user": None}, 400, "user", "is missing"),
        ({"user": ""}, 400, "user", _USER),
        ({"user": "*"}, 400, "user", _USER),
        ({"user": "a\nb"}, 400, "user", _USER),
        ({"user": "a\u2028b"}, 400, "user", _USER),
        ({"user": "u\u0308"}, 400, "user", _USER),
        ({"user": "x" * 496}, 400, "user", _USER),
        ({"user": "ann b"}, 400, "user", _USER),
        ({"user": "o'ann"}, 400, "user", _USER),
        ({"user": 'ann"'}, 400, "user", _USER),
        ({"user": "corp\\ann"}, 400, "user", _USER),
        ({"user": "Select-a-UNION"}, 400, "user", _USER),
        ({"user": 7}, 400, "user", "must be text"),
        ({"user": "ann", "channel": "stage"}, 400, "channel", "is not a field of turn"),
        ({"user": "ann", "username": "1:ann"}, 400, "username", "is not a field of turn, did you mean"),
        ({"user": "ann", "uris": ["turn:evil.example.com"]}, 400, "uris", "is not a field of turn"),
        ({"user": "ann", "role": "publisher"}, 400, "role", "is not a field of turn"),
        ({"user": "ann", "ttl": 0}, 400, "ttl", "must be 60 to 86400 seconds"),
        ({"user": "ann", "ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
        ({"user": "eve"}, 403, None, ""),
        ({"user": "*ann"}, 403, None, ""),
    ],
)
async def test_a_mistake_mints_nothing(
    fields: dict[str, Any], status: int, field: str | None, sentence: str, serving: Serving
) -> None:
    async with serving(_yaml('{user: "ann*"}')) as server:
        reply = await server.token_request("POST", "/v1/token", {"kind": "turn", **fields})
        assert reply.status == status, reply.body
        assert reply.json.get("field") == field
        assert reply.json["detail"].startswith(f"{field} {sentence}" if field else "")
        assert not {"token", "username", "password"} & reply.json.keys()


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("{}", 200),
        ("{roles: subscriber}", 200),  # to relay gives no role
        ('{user: "*"}', 200),
        ('{channel: "room-*"}', 403),  # a rule for rooms opens no relay by accident
        ('{channel: "room-*", user: "*"}', 200),
        ("{user: bob}", 403),
    ],
)
async def test_what_a_rule_says_about_relays(rule: str, status: int, serving: Serving) -> None:
    async with serving(_yaml(rule)) as server:
        reply = await server.token_request("POST", "/v1/token", {"kind": "turn", "user": "ann"})
        assert reply.status == status, reply.body


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (f"{{uris: {_URIS}}}", "secret: is missing"),
        (f"{{secret: text, uris: {_URIS}}}", "secret: is a secret: write {env: NAME}"),
        (f"{{secret: [], uris: {_URIS}}}", "secret: is an empty list"),
        ("{secret: {env: CERTIFICATE}}", "uris: is missing"),
        ("{secret: {env: CERTIFICATE}, uris: []}", "uris: "),
        ("{secret: {env: CERTIFICATE}, uris: 'turn:a.example'}", "uris: must be a list"),
        ("{secret: {env: CERTIFICATE}, uris: ['stun:a.example']}", "uris: must have an address of a relay"),
        ("{secret: {env: CERTIFICATE}, uris: ['turn:a.example', 'turn:a.example']}", "uris: must not have the same"),
        (f"{{secret: {{env: CERTIFICATE}}, uris: {_URIS}, separator: ''}}", "separator: must be one ASCII character"),
        (f"{{secret: {{env: CERTIFICATE}}, uris: {_URIS}, separator: '::'}}", "separator: must be one ASCII character"),
        (f"{{secret: {{env: CERTIFICATE}}, uris: {_URIS}, separator: '7'}}", "separator: must be one ASCII character"),
        (f"{{secret: {{env: CERTIFICATE}}, uris: {_URIS}, separator: ' '}}", "separator: must be one ASCII character"),
        (f"{{secret: {{env: CERTIFICATE}}, uris: {_URIS}, realm: a}}", "realm: unknown key"),
        *(
            (f"{{secret: {{env: CERTIFICATE}}, uris: ['{uri}']}}", f"uris[0]: {sentence}")
            for uri, sentence in (
                ("turn.example.com", "must be such as turn:HOST"),
                ("turn://turn.example.com", "must be such as turn:HOST"),
                ("https://turn.example.com", "must be such as turn:HOST"),
                ("turn:", "must be such as turn:HOST"),
                ("turn:ann@turn.example.com", "must be such as turn:HOST"),
                ("turn:turn.example.com?transport=sctp", "must be such as turn:HOST"),
                ("turn:turn.example.com?transport=udp&a=b", "must be such as turn:HOST"),
                ("turn:turn.example.com/", "must be such as turn:HOST"),
                ("turn: turn.example.com", "must be such as turn:HOST"),
                ("turn:2001:db8::1", "must be such as turn:HOST"),
                ("TURN:turn.example.com", "must be such as turn:HOST"),
                ("turn:turn.example.com:0", "must have a port from 1 to 65535"),
                ("turn:turn.example.com:65536", "must have a port from 1 to 65535"),
                ("turn:[2001:db8::1::2]", "must have an IPv6 address in its brackets"),
                ("turn:[fe80::1%eth0]", "must have an IPv6 address in its brackets"),
                ("stun:turn.example.com?transport=udp", "must have no transport"),
            )
        ),
    ],
)
def test_a_wrong_option_has_its_place(options: str, problem: str, tmp_path: Path) -> None:
    written = f"{{turn: {options}}}"
    text = f"apps:\n  demo:\n    backends: {written}\n    callers: {{a: {{anonymous: true, rules: [{{}}]}}}}\n"
    write(tmp_path, {"config.yaml": text})
    with pytest.raises(ConfigurationError) as caught:
        load(None, ENVIRONMENT, tmp_path)
    (found,) = (str(found).split(" ", 1)[1] for found in caught.value.problems)
    assert found.startswith(f"apps.demo.backends.turn.{problem}")


async def test_an_inspection_says_whether_this_app_signed(serving: Serving) -> None:
    username = f"{NOW + 600}:ann"
    for secret, problems in ((CERTIFICATE, []), ("another", ["No secret of this app signed it."])):
        async with serving(_yaml()) as server:
            token = f"{username}:{_password(username, secret)}"
            reply = await server.token_request("POST", "/v1/inspect", {"token": token})
            assert reply.json["problems"][:1] == problems
            assert reply.json["expires_at"] == NOW + 600


async def test_an_inspection_says_what_is_wrong_with_a_user(serving: Serving) -> None:
    """It said of a space that the text holds 2 tokens, and named none."""
    async with serving(_yaml()) as server:
        for user in ("a b", "a'b", "*"):
            token = f"{NOW + 600}:{user}:{_password(f'{NOW + 600}:{user}')}"
            reply = await server.token_request("POST", "/v1/inspect", {"token": token})
            assert (reply.status, reply.json["detail"].partition(": ")[0]) == (400, "token cannot be read")
            assert f"its user {_USER}" in reply.json["detail"]
            with pytest.raises(
                ApiError
            ) as caught:  # as `tokend inspect` without a configuration: it showed 4 other reasons
                inspect(installed_backends(), Inspect(token), NOW, "there is no configuration")
            assert caught.value.detail.startswith(f"token cannot be read: its user {_USER}")
        spaced = f"{NOW + 600}:a+b:{_password(f'{NOW + 600}:a+b')}".replace("a+b", "a b")
        reply = await server.token_request("POST", "/v1/inspect", {"token": spaced})
        assert (reply.status, reply.json["services"][0]["user"]) == (200, "a+b")


async def test_an_inspection_speaks_of_the_servers_answer(serving: Serving) -> None:
    async with serving(_yaml()) as server:
        username = f"{NOW - 60}:ann"
        reply = await server.token_request("POST", "/v1/inspect", {"token": f"{username}:{_password(username)}"})
        assert reply.json["problems"][0] == "It expired 1 minute ago."
        assert "answers it with 401 (Unauthorized)" in reply.json["problems"][1]
        assert (reply.json["issued_at"], reply.json["ttl"]) == (None, None)


@pytest.mark.parametrize("separator", ["/", "-", "|", "+", "="])
async def test_another_separator(separator: str, serving: Serving) -> None:
    yaml = _yaml().replace("uris:", f"separator: '{separator}', uris:")
    async with serving(yaml) as server:
        for user in ("ann", f"a{separator}b:c"):
            reply = await server.token_request("POST", "/v1/token", {"kind": "turn", "user": user})
            assert reply.json["username"] == f"{NOW + 3600}{separator}{user}"
