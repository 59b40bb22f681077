"""The kind `jwt` in a running application: rules, answers, inspections, documents, and the mistakes of requests."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.assembling import assemble
from tests.unit.http.running import Serving
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.issuing.configuration import Configuration

_YAML: Final = """
apps:
  demo:
    backends:
      stage:
        backend: jwt
        algorithm: HS256
        secret: {env: SECRET}
        max_ttl: 2h
        always: listen
        fields:
          user: {as: user}
          room: {as: channel, missing: any}
          name: {as: detail, max_length: 20}
          data: {as: detail, type: object, capability: data}
          score: {as: detail, type: number}
          publish: {as: privilege, gives: publish}
          host: {as: privilege, gives: {capability: host, role: publisher}}
          manage: {as: privilege, gives: admin}
        claims:
          sub: "{user}"
          room: "room:{room}"
          name: "{name}"
          data: "{data}"
          score: "{score}"
          rights: {publish: "{publish}", host: "{host}", manage: "{manage}"}
          iat: "{issued_at}"
          exp: "{expires_at}"
      seat:
        backend: jwt
        algorithm: HS256
        secret: {env: SECRET}
        always: connect
        fields: {number: {as: user, type: integer}}
        claims: {seat: "{number}", exp: "{expires_at}"}
    callers:
      ann:
        anonymous: true
        rules:
          - {kinds: stage, channel: "open-*", user: ann, roles: subscriber, fields: {name: "Ann Example", data: false}}
          - {kinds: stage, channel: "own-*", user: ann, capabilities: [host, data], fields: {name: "Ann Example"}}
          - {kinds: seat, user: "7"}
    routes: [{path: /}]
"""


def _configuration(text: str = _YAML) -> Configuration:
    secrets = Secrets({"SECRET": "a secret of the tests, long enough"}, Path())
    return assemble(parse(text, "config.yaml"), "config.yaml", secrets)


_MISTAKES: Final[Sequence[tuple[Mapping[str, object], int, str, str | None]]] = (
    ({"room": ""}, 400, "invalid_field", "room"),
    ({"room": 7}, 400, "invalid_field", "room"),
    ({"room": "open-1", "rom": "x"}, 400, "unknown_field", "rom"),
    ({"room": "open-1", "name": "x" * 21}, 400, "invalid_field", "name"),
    ({"room": "own-1", "data": "{}"}, 400, "invalid_field", "data"),
    ({"room": "own-1", "score": "7"}, 400, "invalid_field", "score"),
    ({"room": "own-1", "score": True}, 400, "invalid_field", "score"),
    ({"room": "own-1", "data": {"text": "x" * 9000}}, 400, "invalid_field", None),
    ({"room": "open-1", "publish": 1}, 400, "invalid_field", "publish"),
    ({"room": "open-1", "user": "a\nb"}, 400, "invalid_field", "user"),
    ({"room": "open-1", "ttl": 7201}, 400, "ttl_out_of_range", "ttl"),
    ({}, 403, "not_permitted", None),
    ({"room": "*"}, 403, "not_permitted", None),
    ({"room": "open-*"}, 403, "capability_required", None),
    ({"room": "own-1", "manage": True}, 403, "capability_required", None),
    ({"room": "other"}, 403, "not_permitted", None),
    ({"room": "open-1", "user": "bob"}, 403, "not_permitted", None),
    ({"room": "open-1", "publish": True}, 403, "not_permitted", None),
    ({"room": "open-1", "host": True}, 403, "not_permitted", None),
    ({"room": "open-1", "name": "Bob"}, 403, "not_permitted", None),
    ({"room": "open-1", "data": {}}, 403, "not_permitted", None),
)


@pytest.mark.parametrize(("fields", "status", "code", "field"), _MISTAKES)
async def test_a_mistake_is_answered_with_its_field(
    serving: Serving, fields: Mapping[str, object], status: int, code: str, field: str | None
) -> None:
    async with serving(_configuration()) as server:
        answer = await server.token_request("POST", "/v1/token", {"kind": "stage", **fields})
    assert (answer.status, answer.json["code"], answer.json.get("field")) == (status, code, field), answer.json
    assert "token" not in answer.json


_TWO_IN_A_TEXT: Final = (
    ({"x": "1"}, "x"),
    ({"y": "2"}, "y"),
    ({"x": "1::2", "y": "3"}, "x"),
    ({"x": "", "y": "2"}, "x"),
)


@pytest.mark.parametrize(("fields", "field"), _TWO_IN_A_TEXT)
async def test_a_field_that_its_text_cannot_hold_is_told_each_possible_cause(
    serving: Serving, fields: Mapping[str, object], field: str
) -> None:
    """It said of a text whose other field is missing, and of an empty one, that it contains the separator."""
    text = _YAML.replace(
        "max_length: 20}", "max_length: 20}\n          x: {as: detail}\n          y: {as: detail}"
    ).replace("rights:", 'xy: "{x}::{y}"\n          rights:')
    async with serving(_configuration(text)) as server:
        answer = await server.token_request("POST", "/v1/token", {"kind": "stage", "room": "open-1", **fields})
        assert (answer.status, answer.json["field"]) == (400, field)
        assert "it is empty" in answer.json["detail"]
        assert "that field is missing" in answer.json["detail"]
        both = {"kind": "stage", "room": "open-1", "x": "1", "y": "2"}
        assert (await server.token_request("POST", "/v1/token", both)).status == 200


async def test_numbers_that_json_does_not_keep_are_bad_requests(serving: Serving) -> None:
    async with serving(_configuration()) as server:
        for number in ("1e999", "-1e999"):
            body = f'{{"kind": "stage", "room": "own-1", "data": {{"a": {number}}}}}'.encode()
            answer = await server.token_request("POST", "/v1/token", body)
            assert answer.status == 400, answer.body


async def test_rules_supply_user_and_name_and_see_privileges(serving: Serving) -> None:
    async with serving(_configuration()) as server:
        listening = (await server.token_request("POST", "/v1/token", {"kind": "stage", "room": "open-1"})).json
        hosting = (
            await server.token_request("POST", "/v1/token", {"kind": "stage", "room": "own-1", "host": True})
        ).json
        inspection = (await server.token_request("POST", "/v1/inspect", {"token": hosting["token"]})).json
        seat = (await server.token_request("POST", "/v1/token", {"kind": "seat"})).json
    assert (listening["user"], listening["name"], listening["role"]) == ("ann", "Ann Example", "subscriber")
    assert (hosting["user"], hosting["role"]) == ("ann", "publisher")
    assert inspection["problems"] == []
    assert "host" in str(inspection)
    assert seat["number"] == 7


async def test_the_answer_has_a_role_that_the_rule_fills_in(serving: Serving) -> None:
    """It had the role of the privileges in its place, while the token said the one of the rule."""
    text = _YAML.replace("max_length: 20}", "max_length: 20}\n          role: {as: detail}").replace(
        "rights:", 'role: "{role}"\n          rights:'
    )
    text = text.replace("data: false}", "data: false, role: host}")
    async with serving(_configuration(text)) as server:
        filled = (await server.token_request("POST", "/v1/token", {"kind": "stage", "room": "open-1"})).json
        usual = (await server.token_request("POST", "/v1/token", {"kind": "stage", "room": "own-1"})).json
    assert (filled["role"], usual["role"]) == ("host", "subscriber")


async def test_the_openapi_document_has_the_fields_of_each_kind(serving: Serving) -> None:
    async with serving(_configuration()) as server:
        schemas = (await server.token_request("GET", "/openapi.json")).json["components"]["schemas"]
    assert {"user", "room", "name", "data", "publish", "host", "manage"} < schemas["stage"]["properties"].keys()
    assert "number" in schemas["seat"]["properties"]


def test_the_number_of_a_kinds_fields_is_that_of_its_own_options() -> None:
    backends = _configuration().apps["demo"].backends
    assert backends["stage"].Fields is not backends["seat"].Fields
    assert (backends["stage"].max_ttl, backends["seat"].max_ttl) == (7200, None)


@pytest.mark.parametrize("number", [10**15 - 1, 10**15, 2**53 - 1, 1 - 2**53])
async def test_a_user_or_channel_of_16_digits_stays_a_number(serving: Serving, number: int) -> None:
    """Such a token was not released: it held the text, and the answer was 500."""
    text = _YAML.replace('{kinds: seat, user: "7"}', f'{{kinds: seat, user: "{number}", channel: "{number}"}}')
    text = text.replace("{as: user, type: integer}}", "{as: user, type: integer}, row: {as: channel, type: integer}}")
    text = text.replace('{seat: "{number}", ', '{seat: "{number}", row: "{row}", ')
    async with serving(_configuration(text)) as server:
        for user in ({"number": number}, {}):
            answer = await server.token_request("POST", "/v1/token", {"kind": "seat", "row": number, **user})
            claims = answer.json["token"].split(".")[1]
            said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            assert (said["seat"], said["row"]) == (number, number)
