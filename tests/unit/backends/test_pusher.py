"""The kind `pusher`: the contract, the vendor's published examples, and the mistakes of requests and configurations."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from tests.assembling import assemble
from tests.unit.http.running import Serving
from tokend.backends.pusher import Pusher
from tokend.config.problems import ConfigurationError
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.audit_records import body
from tokend.core.errors import ApiError
from tokend.core.interfaces import AuditSink, Interfaces
from tokend.core.model import Decision
from tokend.issuing.configuration import Configuration
from tokend.plugins import AppCredentials, Backend, Issuance, Join, Secret
from tokend.testing import BackendConformance

KEY: Final = "278d425bdf160c739803"
SECRET: Final = "7ad3773142a6692b25b8"
"""Of the examples that Pusher publishes. They are not secret and belong to no app."""
MASTER_KEY: Final = "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="
SOCKET: Final = {"socket_id": "1234.1234"}
_PRIVATE: Final = {**SOCKET, "channel": "private-foobar"}
_PRESENCE: Final = {**SOCKET, "channel": "presence-room.1", "user": "ann"}
_SIGN_IN: Final = {**SOCKET, "sign_in": True, "user": "12345"}


class TestPusher(BackendConformance):
    backend = Pusher
    options: ClassVar = {
        "keys": [{"key": KEY, "secret": Secret(SECRET)}, {"key": "old", "secret": Secret("bf1a2e9c7d30415566")}],
        "encryption_master_key": Secret(MASTER_KEY),
    }
    other_options: ClassVar = {
        "keys": [{"key": KEY, "secret": Secret(SECRET[::-1])}, {"key": "old", "secret": Secret("66551403d7c9e2a1fb")}],
        "encryption_master_key": Secret(MASTER_KEY),
    }
    token_requests = (
        _PRIVATE,
        {**_PRIVATE, "socket_id": "1.2"},
        {**SOCKET, "channel": "private-encrypted-a_b=c@d,e;f"},
        {**SOCKET, "channel": "private-cache-news"},
        _PRESENCE,
        {**_PRESENCE, "user": "*"},
        {**_PRESENCE, "name": "Ann Example é", "user_info": {"level": 1.5, "of": [1, None, {"a": True}]}},
        {**_PRESENCE, "user_info": {}},
        {**_PRESENCE, "name": "Ann"},
        _SIGN_IN,
        {**_SIGN_IN, "name": "Ann", "watchlist": ["bob", "eve"]},
        {**_SIGN_IN, "user_info": {"a": 1}},
    )
    refused = (
        {},
        SOCKET,
        {"channel": "private-a"},
        {**SOCKET, "sign_in": False, "user": "ann"},
        {**_PRIVATE, "sign_in": True, "user": "ann"},
        {**_PRIVATE, "user": "ann"},
        {**_PRIVATE, "user_info": {}},
        {**_PRIVATE, "watchlist": ["bob"]},
        {**_PRESENCE, "watchlist": ["bob"]},
        {**_PRESENCE, "user": ""},
        {**_PRESENCE, "user": "x" * 129},
        {**_PRESENCE, "user": 7},
        {**_PRESENCE, "user_info": {"name": "Ann"}},
        {**_PRESENCE, "user_info": {"text": "x" * 1024}},
        {**_PRESENCE, "user_info": {"number": float("inf")}},
        {**_PRESENCE, "name": ""},
        {**_SIGN_IN, "user": "two words"},
        {**_SIGN_IN, "watchlist": ["x"] * 101},
        {**_SIGN_IN, "watchlist": [""]},
        *(
            {**SOCKET, "channel": channel}
            for channel in ("", "public", "private-", "private-*", "private-a b", "presence-é")
        ),
        *(
            {**SOCKET, "channel": channel}
            for channel in ("private-a:b", "#server-to-user-1", "private-a\n", "Private-a")
        ),
        {**SOCKET, "channel": "private-" + "x" * 193},
        *(
            {**_PRIVATE, "socket_id": socket}
            for socket in ("", "1", "1.", ".1", "1.2.3", "1:2", "a.b", "1.2\n", "-1.2", 12.3)
        ),
    )
    unnamed = ({**SOCKET, "channel": "presence-a"}, {**SOCKET, "sign_in": True})
    refused_users = ("line\nbreak", "\ud800", "", "x" * 129)


def _backend(**options: object) -> Backend:
    whole = {"keys": [{"key": KEY, "secret": Secret(SECRET)}], **options}
    return Pusher(Pusher.Options.model_validate(whole), AppCredentials(None, {}))


def _minted(fields: Mapping[str, object], **options: object) -> Any:
    backend = _backend(**options)
    return backend.mint(backend.grant(backend.Fields.model_validate(dict(fields)), 60), Issuance(1, 2)).extra


@pytest.mark.parametrize(
    ("fields", "auth"),
    [
        (_SIGN_IN, "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"),
        (_PRIVATE, "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"),
    ],
)
def test_the_published_examples(fields: Mapping[str, object], auth: str) -> None:
    """pusher.com/docs/channels/library_auth_reference/auth-signatures, "Worked examples"."""
    assert _minted(fields)["auth"] == f"{KEY}:{auth}"


def test_what_is_signed_is_what_the_client_gets() -> None:
    assert _minted({**_SIGN_IN, "name": "Ann"})["user_data"] == '{"id":"12345","user_info":{"name":"Ann"}}'
    assert _minted({**_PRESENCE, "user_info": {"a": 1}, "name": "Ann"})["channel_data"] == (
        '{"user_id":"ann","user_info":{"name":"Ann","a":1}}'
    )
    assert set(_minted(_PRIVATE)) == {"auth"}


async def test_a_name_of_the_rule_does_not_prevent_private_channels(serving: Serving) -> None:
    async with serving(_configuration()) as server:
        answer = await server.token_request(
            "POST", "/v1/token", {"kind": "pusher", **SOCKET, "channel": "private-room-1"}
        )
    assert answer.json["token"].endswith(":1234.1234:private-room-1")


def test_client_events_make_a_publisher_unless_the_app_forbids_them() -> None:
    for fields, options, privileges in (
        (_PRIVATE, {}, {"subscribe", "client_events"}),
        (_PRIVATE, {"client_events": False}, {"subscribe"}),
        (_SIGN_IN, {}, {"sign_in"}),
    ):
        backend = _backend(**options)
        (service,) = backend.grant(backend.Fields.model_validate(fields), 60).services
        assert set(service.privileges) == privileges


def test_client_events_of_an_encrypted_channel_make_a_publisher_too() -> None:
    """Soketi 1.6.1 and Laravel Reverb pass them on, and each subscriber has the secret that encrypts them."""
    fields = {**SOCKET, "channel": "private-encrypted-a"}
    for allowed, privileges in ((True, {"subscribe", "client_events"}), (False, {"subscribe"})):
        backend = _backend(encryption_master_key=Secret(MASTER_KEY), client_events=allowed)
        (service,) = backend.grant(backend.Fields.model_validate(fields), 60).services
        assert set(service.privileges) == privileges


def test_diagnose_has_the_words_of_the_server_and_the_connection() -> None:
    backend = _backend()
    token = backend.mint(backend.grant(backend.Fields.model_validate(_PRIVATE), 60), Issuance(1, 2)).token
    reading = backend.read(token.replace(KEY, "another"))
    diagnosis = backend.diagnose(reading, Join(), 5)
    assert any("Invalid key in subscription auth data" in problem for problem in diagnosis.problems)
    assert "1234.1234" in diagnosis.notes[-1]


_YAML: Final = f"""
apps:
  demo:
    backends:
      pusher: {{keys: [{{key: {KEY}, secret: {{env: SECRET}}}}]}}
    callers:
      ann:
        anonymous: true
        rules:
          - {{channel: "*-room-*", user: ann, fields: {{name: "Ann Example", user_info: false}}}}
    routes: [{{path: /, dialect: [native, pusher]}}]
"""


def _configuration(text: str = _YAML) -> Configuration:
    secrets = {"SECRET": SECRET, "MASTER_KEY": MASTER_KEY, "SHORT": "c2hvcnQ=", "EMPTY": ""}
    return assemble(parse(text, "config.yaml"), "config.yaml", Secrets(secrets, Path()))


_MISTAKES: Final[Sequence[tuple[Mapping[str, object], int, str | None]]] = (
    (SOCKET, 400, "channel"),
    ({"channel": "private-room-1"}, 400, "socket_id"),
    ({**SOCKET, "socket_id": "1;2", "channel": "private-room-1"}, 400, "socket_id"),
    ({**SOCKET, "channel": "room-1"}, 400, "channel"),
    ({**SOCKET, "channel": "private-*"}, 400, "channel"),
    ({**SOCKET, "channel": "private-room-" + "x" * 200}, 400, "channel"),
    ({**SOCKET, "channel": "private-encrypted-room-1"}, 400, "channel"),
    ({**SOCKET, "channel": "private-room-1", "user": "ann"}, 400, "user"),
    ({**SOCKET, "channel": "private-room-1", "user_info": {}}, 400, "user_info"),
    ({**SOCKET, "channel": "presence-room-1", "user": "ann", "watchlist": ["bob"]}, 400, "watchlist"),
    ({**SOCKET, "channel": "presence-room-1", "user_info": {"x": "x" * 2000}}, 400, "user_info"),
    ({**SOCKET, "channel": "presence-room-1", "usr": "ann"}, 400, "usr"),
    ({**SOCKET, "channel": "private-other"}, 403, None),
    ({**SOCKET, "channel": "presence-room-1", "user": "bob"}, 403, None),
    ({**SOCKET, "channel": "presence-room-1", "name": "Bob"}, 403, None),
    ({**SOCKET, "channel": "presence-room-1", "user_info": {"admin": True}}, 403, None),
    ({**SOCKET, "sign_in": True, "user": "bob"}, 403, None),
    ({**SOCKET, "sign_in": True, "user": "ann", "watchlist": ["bob"]}, 403, None),
)


@pytest.mark.parametrize(("fields", "status", "field"), _MISTAKES)
async def test_a_mistake_is_answered_with_its_field(
    serving: Serving, fields: Mapping[str, object], status: int, field: str | None
) -> None:
    async with serving(_configuration()) as server:
        answer = await server.token_request("POST", "/v1/token", {"kind": "pusher", **fields})
    assert (answer.status, answer.json.get("field")) == (status, field), answer.json
    assert "token" not in answer.json


async def test_a_long_channel_is_told_its_limit_in_characters(serving: Serving) -> None:
    """The sentence was the one for lists."""
    async with serving(_configuration()) as server:
        fields = {"kind": "pusher", **SOCKET, "channel": "private-room-" + "x" * 188}
        answer = await server.token_request("POST", "/v1/token", fields)
    assert answer.json["detail"] == "channel must have at most 200 characters"


@pytest.mark.parametrize("name", [None, "Ann"])
def test_the_limit_of_user_info_is_that_of_the_mapping_as_the_others_get_it(name: str | None) -> None:
    """The words `user_info` around it were counted too."""
    around = len(json.dumps({"name": name, "x": ""} if name else {"x": ""}, separators=(",", ":")))
    longest = {**_PRESENCE, "name": name, "user_info": {"x": "x" * (1024 - around)}}
    shown = json.loads(str(_minted(longest)["channel_data"]))["user_info"]
    assert len(json.dumps(shown, separators=(",", ":"))) == 1024
    with pytest.raises(ApiError, match="1024 bytes"):
        _minted({**longest, "user_info": {"x": "x" * (1025 - around)}})


async def test_audit_and_explain_give_it_no_end(serving: Serving) -> None:
    """They said that it lasts as long as the requested lifetime."""
    lines: list[dict[str, Any]] = []

    class Audit(AuditSink):
        def healthy(self) -> bool:
            return True

        async def record(self, entries: Sequence[Decision]) -> None:
            lines.extend(json.loads(body(entry)) for entry in entries)

    async with serving(_configuration(), interfaces=Interfaces(audit=Audit())) as server:
        fields = {"kind": "pusher", **SOCKET, "channel": "private-room-1"}
        assert (await server.token_request("POST", "/v1/token", fields)).status == 200
        explained = (await server.token_request("POST", "/v1/explain", fields)).json
    (line,) = lines
    for said in (line, explained["gives"]):
        assert said["ttl"] is None
        assert set(said["services"][0]["privileges"].values()) == {None}


async def test_a_channel_beside_a_sign_in_is_not_called_missing(serving: Serving) -> None:
    async with serving(_configuration()) as server:
        fields = {"kind": "pusher", **SOCKET, "sign_in": True, "channel": "private-room-1"}
        answer = await server.token_request("POST", "/v1/token", fields)
    assert answer.json["detail"] == "channel cannot be combined with sign_in: send one of them"


async def test_the_error_of_a_sent_field_comes_before_a_user_that_another_rule_supplies(serving: Serving) -> None:
    with_another = _YAML.replace("rules:\n", "rules:\n          - {channel: 'private-other-*'}\n")
    async with serving(_configuration(with_another)) as server:
        fields = {"kind": "pusher", **SOCKET, "channel": "presence-room-1", "user_info": {"x": "x" * 2000}}
        answer = await server.token_request("POST", "/v1/token", fields)
    assert (answer.status, answer.json["field"]) == (400, "user_info")


async def test_a_right_request_has_no_times_and_what_the_client_needs(serving: Serving) -> None:
    async with serving(_configuration()) as server:
        fields = {"kind": "pusher", **SOCKET, "channel": "presence-room-1"}
        answer = (await server.token_request("POST", "/v1/token", fields)).json
        inspection = (await server.token_request("POST", "/v1/inspect", {"token": answer["token"]})).json
    assert (answer["expires_at"], answer["ttl"], answer["user"], answer["name"]) == (None, None, "ann", "Ann Example")
    assert answer["token"].startswith(f"{answer['auth']}:1234.1234:presence-room-1:")
    assert answer["channel_data"] == '{"user_id":"ann","user_info":{"name":"Ann Example"}}'
    assert inspection["problems"] == []


async def test_the_dialect_is_documented_as_form_and_json(serving: Serving) -> None:
    async with serving(_configuration()) as server:
        paths = (await server.token_request("GET", "/openapi.json")).json["paths"]
    for path in ("/pusher/auth", "/pusher/user-auth", "/broadcasting/auth", "/broadcasting/user-auth"):
        content = paths[path]["post"]["requestBody"]["content"]
        assert content.keys() == {"application/x-www-form-urlencoded", "application/json"}


async def test_the_dialect_answers_a_kind_of_another_name(serving: Serving) -> None:
    text = _YAML.replace("pusher: {keys", "soketi: {backend: pusher, keys").replace(
        "[native, pusher]", "{pusher: {kind: soketi}}"
    )
    async with serving(_configuration(text)) as server:
        answer = await server.token_request("POST", "/pusher/auth", {**SOCKET, "channel_name": "private-room-1"})
    assert answer.status == 200 and answer.json["auth"].startswith(KEY), answer.body


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("{}", "keys: is missing"),
        ("{keys: []}", "keys: must hold at least 1"),
        ("{keys: [{key: 'a:b', secret: {env: SECRET}}]}", "keys[0].key: must be 1 to 100"),
        ("{keys: [{key: a, secret: text}]}", "is a secret: write {env: NAME}"),
        ("{keys: [{key: a, secret: {env: SECRET}}, {key: a, secret: {env: MASTER_KEY}}]}", "hold the same key twice"),
        (
            "{keys: [{key: a, secret: {env: SECRET}}], encryption_master_key: {env: SHORT}}",
            "must be 32 bytes in base64",
        ),
    ],
)
def test_a_wrong_option_is_an_error_with_its_place(options: str, sentence: str) -> None:
    text = _YAML.replace(f"{{keys: [{{key: {KEY}, secret: {{env: SECRET}}}}]}}", options)
    with pytest.raises(ConfigurationError) as caught:
        _configuration(text)
    assert sentence in str(caught.value), str(caught.value)
    assert SECRET not in str(caught.value) and "c2hvcnQ=" not in str(caught.value)
