"""Options of dialects: each belongs to one dialect of a route, and reaches its endpoints alone."""

from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest

from tests.unit.http.running import DEMO, KEY, Serving, configuration_of
from tokend.config.entry_points import DIALECTS
from tokend.config.problems import ConfigurationError
from tokend.config.schema import json_schema
from tokend.core.errors import ApiError
from tokend.dialects.agora_fields import WARNING_006, AgoraOptions
from tokend.dialects.contract import Dialect, HttpResponse
from tokend.dialects.custom import CustomOptions
from tokend.dialects.native import NativeOptions

_KEY = ("X-API-Key", KEY)


def _routes(dialect: str) -> str:
    return f"{DEMO}    routes: [{{path: /demo, dialect: {dialect}}}]\n"


@pytest.mark.parametrize(
    ("dialect", "native", "service"),
    [
        ("[native, agora-token-service]", NativeOptions(), AgoraOptions()),
        ("{native: , agora-token-service: {}}", NativeOptions(), AgoraOptions()),
        (
            '[{native: {token_version: "006"}}, agora-token-service]',
            NativeOptions(token_version="006"),
            AgoraOptions(),
        ),
        (
            '[native, {agora-token-service: {token_version: "006", signed_uid: true}}]',
            NativeOptions(),
            AgoraOptions(token_version="006", signed_uid=True),
        ),
    ],
)
def test_names_and_mappings(dialect: str, native: NativeOptions, service: AgoraOptions) -> None:
    (route,) = configuration_of(_routes(dialect)).routes
    assert [dialect.name for dialect in route.dialects] == ["native", "agora-token-service"]
    assert route.dialect_options == {"native": native, "agora-token-service": service}


async def test_an_option_is_for_its_dialect_alone(serving: Serving) -> None:
    rtc = {"kind": "rtc", "channel": "stage", "uid": 7, "version": "006"}
    path = "/demo/rtc/stage/publisher/uid/7"
    async with serving(_routes('[native, {agora-token-service: {token_version: "006"}}]')) as server:
        assert (await server.token_request("POST", "/demo/v1/token", rtc, _KEY)).status == 400
        assert (await server.token_request("GET", path, None, _KEY)).json["rtcToken"].startswith("006")
    async with serving(_routes('[{native: {token_version: "006"}}, agora-token-service]')) as server:
        assert (await server.token_request("POST", "/demo/v1/token", rtc, _KEY)).json["token"].startswith("006")
        assert (await server.token_request("GET", path, None, _KEY)).json["rtcToken"].startswith("007")


def test_the_warning_names_the_route_once_for_each_dialect() -> None:
    assert configuration_of(_routes("[native, agora-token-service]")).warnings == ()
    warnings = configuration_of(_routes('{native: {token_version: "006"}}')).warnings
    assert warnings == (f"app demo: route /demo {WARNING_006}",)


def test_a_custom_endpoint_has_the_options_of_custom() -> None:
    text = f"{DEMO}    routes: [{{path: /x, kind: rtc, dialect: {{custom: {{signed_uid: true}}}}}}, {{path: /y, kind: rtc}}]\n"
    signed, plain = configuration_of(text).routes
    assert signed.dialect_options == {"custom": CustomOptions(signed_uid=True)}
    assert plain.dialect_options == {"custom": CustomOptions()}


def test_a_dialect_that_fails_while_it_warns_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def warnings(options: Any) -> Sequence[str]:
        raise LookupError("secret")

    def render_error(api_error: ApiError, request_id: str) -> HttpResponse:
        return HttpResponse(api_error.status, b"")

    broken = Dialect("broken", (), render_error, warnings=warnings)
    monkeypatch.setattr(DIALECTS, "load", lambda name: broken)
    with pytest.raises(ConfigurationError) as caught:
        configuration_of(_routes("broken"))
    assert "the dialect broken of no package is broken inside: it raised LookupError" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_schema_of_the_file_has_the_options_of_each_dialect() -> None:
    schema = json_schema()

    def is_valid(dialect: object, **more: object) -> bool:
        tree = {"apps": {"demo": {"routes": [{"path": "/", "dialect": dialect, **more}]}}}
        return jsonschema.Draft202012Validator(schema).is_valid(tree)

    assert is_valid("native")
    assert is_valid(["native", {"agora-token-service": {"token_version": "006", "signed_uid": True}}])
    assert is_valid({"native": {"token_version": "006"}, "agora-docker": {}})
    assert is_valid({"custom": {"signed_uid": True}}, kind="rtc", fields={"room": "channel"}, ignore="x", status=201)
    assert not is_valid({"native": {"signed_uid": True}})
    assert not is_valid({"agora-docker": {"token_version": "006"}})
    assert not is_valid([])
    assert not is_valid({})
    assert not is_valid("native", status=300)
