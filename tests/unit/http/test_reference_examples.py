"""The examples of the OpenAPI document are true: each is sent to the application and gets the documented answer."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.built_in_dialects import DIALECTS
from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http.reference import check, operations_of, send_every_example
from tests.unit.http.running import configuration_of, serving
from tokend.core.errors import Code
from tokend.dialects.contract import JSON

_EVERYBODY: Final = "callers: {anybody: {anonymous: true, rules: [{capabilities: [wildcard_user, wildcard_channel]}]}}"
_PUSHER: Final = "pusher: {keys: [{key: app-key, secret: {env: CERTIFICATE}}], client_events: false}"
_TURN: Final = 'turn: {secret: {env: CERTIFICATE}, uris: ["turn:turn.example.com:3478?transport=udp"]}'
CONFIGURATIONS: Final[Mapping[str, str]] = {
    "all": f"""{ANYBODY["every capability"]}    routes:
      - path: /all
        dialect: [native, agora-token-service, agora-npm-demo, agora-docker, agora-docs-sample, agora-samples, agora-samples-chat]
      - {{path: "/all/watch/{{channel}}", kind: rtc, set: {{uid: 7}}}}
      - {{path: /all/both, kinds: [rtc, rtm], status: 201, response: {{rtc: "{{rtc.token}}", rtm: "{{rtm.token}}"}}}}
""",
    "guide": f"""{ANYBODY["every capability"]}    routes:
      - {{path: /guide, dialect: [native, agora-token-guide]}}
""",
    "node": f"""{ANYBODY["every capability"]}    routes:
      - {{path: /node, dialect: [native, agora-node-server]}}
""",
    "media": f"""{ANYBODY["every capability"]}    routes:
      - {{path: /media, dialect: [native, {{livekit: {{generate: [room, identity]}}}}, turn-rest, ice-servers]}}
""",
    "pusher": f"""
apps:
  demo:
    backends: {{{_PUSHER}}}
    {_EVERYBODY}
    routes: [{{path: /pusher, dialect: [native, pusher]}}]
""",
    "matrix": f"""
apps:
  demo:
    backends: {{{_TURN}}}
    callers: {{anybody: {{anonymous: true, rules: [{{user: ann}}]}}}}
    routes: [{{path: /matrix, dialect: [native, matrix-voip]}}]
""",
}
"""Each of them has one route with the dialect native and others, at its own name."""


@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_every_example_of_every_dialect_gets_the_documented_answer(name: str) -> None:
    async with serving(CONFIGURATIONS[name]) as server:
        await send_every_example(server, f"/{name}/openapi.json")


@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_everything_in_the_document_is_described_and_every_example_fits_its_schema(name: str) -> None:
    document = await _document(name)
    for operation in operations_of(document):
        place, described = f"{operation.method} {operation.path}", operation.described
        assert described["summary"], place
        assert not described["summary"].startswith("As "), f"{place} has no summary of its own"
        for parameter in described.get("parameters", ()):
            assert "description" in parameter, f"{place}: {parameter['name']}"
            if "example" in parameter:
                check(parameter["example"], parameter["schema"], document)
        for status, response in described["responses"].items():
            for media, content in response.get("content", {}).items():
                assert content.get("examples"), f"{place}: {status} has no example as {media}"
                for example in content["examples"].values():
                    check(example["value"], content["schema"], document)


def test_every_built_in_dialect_is_among_the_configurations() -> None:
    configured = {
        dialect.name
        for text in CONFIGURATIONS.values()
        for route in configuration_of(text).routes
        for dialect in route.dialects
    }
    assert configured - {"custom"} == set(DIALECTS)


async def test_each_error_code_stands_with_its_meaning_and_an_example_in_the_shape_of_the_dialect() -> None:
    document = await _document("all")
    codes = document["components"]["schemas"]["ErrorCode"]
    assert codes["enum"] == sorted(Code)
    for code in Code:
        assert f"`{code}` ({code.status}): {code.meaning}" in codes["description"]
    token = document["paths"]["/fetch_rtc_token"]["post"]["responses"]
    assert token["403"]["content"][JSON]["examples"]["not_permitted"]["value"]["code"] == "403"
    native = document["paths"]["/v1/tokens"]["post"]["responses"]["429"]
    assert native["content"]["application/problem+json"]["examples"]["rate_limited"]["value"]["retry_after"] == 3
    assert native["headers"].keys() == {"Retry-After"}


async def _document(name: str) -> dict[str, Any]:
    async with serving(CONFIGURATIONS[name]) as server:
        found: dict[str, Any] = (await server.token_request("GET", f"/{name}/openapi.json")).json
    return found
