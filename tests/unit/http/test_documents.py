"""The OpenAPI document is valid and true: asks made from it are never a 5xx, and what comes back fits it."""

import random
from typing import Any, Final

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.built_in_dialects import DIALECTS
from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http.running import DEMO, KEY, KINDS, OPEN, configuration_of, serving
from tokend.config.vendor_defaults import DEFAULT_DIALECTS
from tokend.dialects.contract import Page
from tokend.http import pages
from tokend.issuing.active import ActiveConfiguration
from tokend.issuing.app_options import RouteOptions
from tokend.issuing.routing import RouteTable

_HOW_MANY: Final = 60
_TEXTS: Final = ["stage", "ada", "room-7", "0", "*", "", "a b", "Ada", "é", "x" * 65, "_x"]


_NATIVE: Final = f"{ANYBODY['every capability']}    routes: [{{path: /, dialect: native}}]\n"


async def _document(text: str, prefix: str) -> dict[str, Any]:
    async with serving(text) as server:
        reply = await server.token_request("GET", f"{prefix}/openapi.json")
        found: dict[str, Any] = reply.json
        return found


EVERY_DIALECT: Final = f"""{ANYBODY["every capability"]}    routes:
      - path: /all
        dialect: [native, agora-token-service, agora-npm-demo, agora-docker, agora-docs-sample, agora-samples, agora-samples-chat]
      - {{path: /guide, dialect: [native, agora-token-guide, livekit]}}
      - {{path: /node, dialect: [native, {{agora-node-server: {{token_version: "007"}}}}], on_excess: clamp}}
      - {{path: "/all/watch/{{channel}}", kind: rtc, set: {{uid: 7}}}}
"""
"""Every dialect, in groups that have no path in common; every kind."""


@pytest.mark.parametrize("prefix", ["/all", "/guide", "/node"])
async def test_with_every_dialect_and_kind_it_is_valid_too(prefix: str) -> None:
    document = await _document(EVERY_DIALECT, prefix)
    OpenAPIV31SpecValidator(document).validate()
    (route,) = (one for one in configuration_of(EVERY_DIALECT).routes if one.prefix == prefix)
    wanted = {
        (one.method, f"/{one.path}") for dialect in route.dialects for one in dialect.endpoints if one.description
    }
    operations = {(method.upper(), path): op for path, of in document["paths"].items() for method, op in of.items()}
    of_route = {place: operation for place, operation in operations.items() if "servers" not in operation}
    assert of_route.keys() == wanted
    assert {path for _, path in operations.keys() - of_route.keys()} == {"/all/watch/{channel}"}
    assert set(KINDS) <= document["components"]["schemas"].keys()
    tags = {tag for operation in of_route.values() for tag in operation["tags"]}
    assert tags == {dialect.name for dialect in route.dialects}


_CUSTOM: Final = f"""{ANYBODY["every capability"]}    routes:
      - {{path: /demo, dialect: native}}
      - path: "/seats/{{tenant}}/{{room_name}}"
        kinds: [rtc, rtm]
        fields: {{room_name: channel, seat: uid, name: user, lasts: ttl}}
        ignore: [tenant, client]
        set: {{role: publisher, version: "007"}}
        status: 201
        response: {{rtc: "{{rtc.token}}", rtm: "{{rtm.token}}"}}
      - {{path: /login, kind: rtm, default: {{user: ada}}, response: "{{token}}", dialect: {{custom: {{}}}}}}
      - {{path: /elsewhere, host: other.example.com, kind: rtm}}
"""


async def test_queries_and_forms_of_custom_endpoints_take_text_alone() -> None:
    routes = "[{path: /demo, dialect: native}, {path: /seat, kind: rtc, ignore: [client]}]"
    operations = (await _document(f"{ANYBODY['every capability']}    routes: {routes}\n", "/demo"))["paths"]["/seat"]
    content = operations["post"]["requestBody"]["content"]
    form = content["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert set(content["application/json"]["schema"]["properties"]) - form.keys() == {"privileges"}
    assert {parameter["name"]: parameter["schema"] for parameter in operations["get"]["parameters"]} == form
    assert {name: schema["type"] for name, schema in form.items()} == {
        **dict.fromkeys(("uid", "ttl"), "integer"),
        **dict.fromkeys(("channel", "account", "role", "client"), "string"),
    }


@pytest.mark.parametrize(
    ("options", "versions"), [("native", ["007"]), ("{native: {token_version: '006'}}", ["007", "006"])]
)
async def test_a_version_that_the_route_does_not_issue_is_not_documented(options: str, versions: list[str]) -> None:
    document = await _document(
        f"{ANYBODY['every capability']}    routes: [{{path: /demo, dialect: [{options}]}}]\n", "/demo"
    )
    assert document["components"]["schemas"]["rtc"]["properties"]["version"]["enum"] == versions


async def test_custom_endpoints_are_documented_as_they_are() -> None:
    document = await _document(_CUSTOM, "/demo")
    OpenAPIV31SpecValidator(document).validate()
    paths = document["paths"]
    assert "/elsewhere" not in paths
    post, get = (paths["/seats/{tenant}/{room_name}"][method] for method in ("post", "get"))
    assert post["servers"] == [{"url": "/"}]
    failures = ["400", "401", "403", "404", "408", "413", "414", "415", "429", "431", "500", "503"]
    assert list(post["responses"]) == ["201", *failures]
    assert post["responses"]["201"]["content"]["application/json"]["schema"]["required"] == ["rtc", "rtm"]
    content = post["requestBody"]["content"]
    assert list(content) == ["application/json", "application/x-www-form-urlencoded"]
    as_text = ["seat", "account", "name", "lasts", "client"]
    in_json, in_form = (list(media["schema"]["properties"]) for media in content.values())
    assert (in_json, in_form) == (["seat", "account", "privileges", "name", "lasts", "client"], as_text)
    assert [parameter["name"] for parameter in post["parameters"]] == ["tenant", "room_name"]
    in_query = {parameter["name"] for parameter in get["parameters"] if parameter["in"] == "query"}
    assert in_query == set(as_text)
    login = paths["/login"]["post"]
    assert list(login["responses"]["200"]["content"]) == ["text/plain"]
    assert not login["requestBody"]["required"]
    async with serving(_CUSTOM) as server:
        page = (await server.token_request("GET", "/demo/docs/plain")).body.decode()
        assert "<code>POST /seats/{tenant}/{room_name}</code>" in page
        form = ("Content-Type", "application/x-www-form-urlencoded")
        reply = await server.token_request("POST", "/seats/acme/stage", b"seat=7&name=ada&lasts=600&client=1", form)
        assert reply.status == 201
        jsonschema.validate(reply.json, post["responses"]["201"]["content"]["application/json"]["schema"])


async def test_two_dialects_at_one_path_are_both_named() -> None:
    document = await _document(EVERY_DIALECT, "/all")
    assert document["paths"]["/token/generate"]["post"]["tags"] == ["agora-docker", "agora-samples-chat"]
    assert set(document["paths"]["/v1/token"]) == {"get", "post"}


@pytest.mark.parametrize(("text", "prefix"), [(DEMO, "/demo"), (OPEN, "")])
async def test_the_document_is_valid_and_leaves_no_endpoint_out(text: str, prefix: str) -> None:
    document = await _document(text, prefix)
    OpenAPIV31SpecValidator(document).validate()
    listed = {(method.upper(), path) for path, of in document["paths"].items() for method in of}
    assert listed == {
        (one.method, f"/{one.path}")
        for dialect in (DIALECTS[name] for name in DEFAULT_DIALECTS)
        for one in dialect.endpoints
        if one.description
    }
    assert document["servers"] == [{"url": prefix or "/"}]


async def test_it_says_whether_a_credential_may_be_left_out_and_which_lifetimes_are_taken() -> None:
    for text, prefix, open_to_all in ((DEMO, "/demo", False), (OPEN, "", True)):
        document = await _document(text, prefix)
        assert ({} in document["paths"]["/v1/token"]["post"]["security"]) is open_to_all
        ttl = document["components"]["schemas"]["rtc"]["properties"]["ttl"]
        assert (ttl["minimum"], ttl["maximum"]) == (60, 86_400)


def _made(pick: random.Random, schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    """A value that fits a schema, or comes near."""
    if "$ref" in schema:
        return _made(pick, defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return _made(pick, pick.choice(schema["anyOf"]), defs)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return pick.choice(schema["enum"])
    match schema.get("type"):
        case "array":
            return [_made(pick, schema["items"], defs) for _ in range(pick.choice((0, 1, 2)))]
        case "object" if "properties" not in schema:  # a part of combined, whose schema is that of its kind
            return {"kind": (kind := pick.choice(("rtm", "fpa", "chat"))), **_made(pick, defs[kind], defs)}
        case "boolean":
            return pick.choice((True, False))
        case "object":
            required = set(schema.get("required", []))
            names = [one for one in schema["properties"] if one in required or pick.random() < 0.4]
            return {one: _made(pick, schema["properties"][one], defs) for one in names}
        case "integer":
            low, high = schema.get("minimum", 0), schema.get("maximum", 10**6)
            return pick.choice((low, high, pick.randint(low, high), low - 1, high + 1))
        case "string":
            return pick.choice(_TEXTS)
        case "null":
            return None
    raise AssertionError(schema)


def _role(token_request: dict[str, Any]) -> dict[str, Any]:
    """An ask's role that is null comes back as what the token has."""
    return {"role": token_request["role"]} if "role" in token_request else {}


async def test_asks_made_from_the_schemas_and_their_answers() -> None:
    pick = random.Random(5)
    document = await _document(_NATIVE, "")
    schemas = document["components"]["schemas"]
    resolvable = {"components": document["components"]}

    def check(value: object, name: str) -> None:
        jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", **resolvable})

    async with serving(_NATIVE) as server:
        for kind in KINDS:
            good = 0
            for _ in range(_HOW_MANY):
                token_request = _made(pick, schemas[kind], schemas)
                reply = await server.token_request("POST", "/v1/token", token_request)
                assert reply.status in (200, 400), reply.body
                check(reply.json, "Token" if reply.status == 200 else "native_error")
                if reply.status == 200:
                    check(token_request, "TokenRequest")
                    assert {**reply.json, **token_request, "ttl": 0} == {**reply.json, "ttl": 0, **_role(token_request)}
                    good += 1
            assert good
        token_requests = [_made(pick, schemas[kind], schemas) for kind in KINDS for _ in range(8)]
        check((await server.token_request("POST", "/v1/tokens", {"requests": token_requests})).json, "Results")


async def test_the_docs_page_tells_every_kind_and_field_and_links_the_document() -> None:
    document = await _document(DEMO, "/demo")
    async with serving(DEMO) as server:
        page = (await server.token_request("GET", "/demo/docs/plain/")).body.decode()
        assert "href='/demo/openapi.json'" in page
        assert (await server.token_request("GET", "/demo/docs/plain", None, ("X-API-Key", KEY))).headers[
            "content-security-policy"
        ]
    for kind in ("rtc", "rtm", "chat"):
        section = page.partition(f"<h3><code>{kind}</code></h3>")[2].partition("<h3>")[0]
        for name in document["components"]["schemas"][kind]["properties"].keys() - {"kind"}:
            assert f"<code>{name}</code>" in section


async def test_a_document_is_made_once_and_anew_after_a_reload() -> None:
    both = f"{DEMO}    routes: [{{path: /a}}, {{host: b.example.com, path: /a, dialect: native}}]\n"
    async with serving(both) as server:

        async def token_request(name: str, host: str) -> bytes:
            return (await server.token_request("GET", f"/a/{name}", None, ("Host", host))).body

        wanted = [
            (name, host) for name in ("openapi.json", "docs/plain") for host in ("a.example.com", "b.example.com")
        ]
        first = [await token_request(*one) for one in wanted]
        assert len(set(first)) == 4  # one of one route or kind is never given for another
        assert [await token_request(*one) for one in wanted] == first
        (route, _), documents = server.control.active.configuration.routes, pages.Documents()
        page = Page("docs", "plain")
        assert await documents.get(page, route) is await documents.get(page, route)
        other = configuration_of(both.replace("demo:", "other:"))
        server.control.active = ActiveConfiguration(other, RouteTable(other.routes))
        again = [await token_request(*one) for one in wanted]
    assert all(b"tokend: demo" in one for one in first)
    assert all(b"tokend: other" in one for one in again)


def test_the_docs_page_escapes_what_it_shows() -> None:
    (route,) = configuration_of(DEMO).routes
    text = "<script>alert('x')</script>"
    (rtc,) = (one for kind, one in route.app.backends.items() if kind == "rtc")
    hostile = type("Hostile", (type(rtc),), {"Fields": type("Fields", (rtc.Fields,), {"__doc__": text})})
    app = type(route.app)(text, None, {text: hostile(rtc.options, rtc.app_credentials)}, {}, route.app.options)
    shown = pages.document(
        "docs", type(route)(app, RouteOptions(path=f"/{text}"), route.dialects, route.authenticator, ())
    ).body
    assert b"<script" not in shown
    assert b"href='/&lt;script&gt;" in shown
