"""The OpenAPI document says how the callers of a route authenticate, in the words of their schemes."""

from typing import Any, Final

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.unit.http.running import APP_ID, KEY, configuration_of
from tokend.auth.key_digests import digest_of
from tokend.issuing.configuration import Route
from tokend.issuing.openapi import openapi

_CALLERS: Final = {
    "api_key": f'studio: {{api_key: "{digest_of(KEY)}"}}',
    "url_key": f'link: {{url_key: "{digest_of(KEY + "x")}", rules: [{{user: ann}}]}}',
    "jwt": "web: {jwt: {issuer: 'https://id.example.com', audience: tokend}, rules: [{user: '{claims.sub}'}]}",
    "forward_auth": "proxied: {forward_auth: {preset: oauth2-proxy}, rules: [{user: '{claims.sub}'}]}",
    "anonymous": "anybody: {anonymous: true, rules: [{user: ann}]}",
}


def _routes(*schemes: str, dialect: str = "native") -> tuple[Route, ...]:
    callers = "\n".join(f"      {_CALLERS[scheme]}" for scheme in schemes)
    text = f"""
server: {{trusted_proxies: [10.0.0.0/8]}}
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    cors: {{origins: ["https://app.example.com"]}}
    backends: {{rtm: {{}}, turn: {{secret: {{env: CERTIFICATE}}, uris: ["turn:turn.example.com"]}}}}
    callers:
{callers}
    routes: [{{path: /demo, dialect: [{dialect}]}}]
"""
    return configuration_of(text).routes


def _document(*schemes: str, dialect: str = "native") -> dict[str, Any]:
    (route,) = _routes(*schemes, dialect=dialect)
    document = openapi(route)
    OpenAPIV31SpecValidator(document).validate()
    return document


@pytest.mark.parametrize(
    ("scheme", "alternatives"),
    [
        ("api_key", [{"api_key_bearer": []}, {"api_key": []}]),
        ("jwt", [{"jwt_bearer": []}]),
        ("url_key", [{}]),
        ("forward_auth", [{}]),
        ("anonymous", [{}]),
    ],
)
def test_each_scheme_says_how(scheme: str, alternatives: list[dict[str, list[str]]]) -> None:
    document = _document(scheme)
    assert document["paths"]["/v1/token"]["post"]["security"] == alternatives
    declared = document["components"]["securitySchemes"]
    assert set(declared) == {name for alternative in alternatives for name in alternative}
    (route,) = _routes(scheme)
    (used,) = route.authenticator
    assert used.instructions
    assert f"**{scheme}**: {used.instructions}" in document["info"]["description"]
    assert all(of_source["description"] == used.instructions for of_source in declared.values())


def test_several_schemes_are_alternatives() -> None:
    document = _document("api_key", "jwt", "anonymous")
    assert document["paths"]["/v1/token"]["post"]["security"] == [
        {"api_key_bearer": []},
        {"api_key": []},
        {"jwt_bearer": []},
        {},
    ]


def test_a_key_in_the_path_is_a_variable_of_a_server() -> None:
    with_key = {"url": "/demo/k/{key}", "variables": {"key": {"default": "YOUR-KEY"}}}
    for schemes, at in ((("url_key",), 0), (("api_key", "url_key"), 1)):
        servers = _document(*schemes)["servers"]
        assert servers[at]["url"] == with_key["url"]
        assert servers[at]["variables"]["key"]["default"] == "YOUR-KEY"
        assert servers[1 - at] == {"url": "/demo"}
    assert _document("api_key")["servers"] == [{"url": "/demo"}]


def test_a_key_in_the_query_is_a_scheme_of_the_endpoints_that_read_it() -> None:
    document = _document("url_key", dialect="native, turn-rest")
    assert document["components"]["securitySchemes"]["url_key_parameter"]["name"] == "key"
    assert document["paths"]["/"]["get"]["security"] == [{"url_key_parameter": []}, {}]
    assert document["paths"]["/v1/token"]["post"]["security"] == [{}]


def test_documents_need_no_credential() -> None:
    assert _document("api_key")["paths"]["/openapi.json"]["get"]["security"] == [{}]
