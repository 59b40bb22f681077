"""Makes the OpenAPI document and form schemas of a route from the models of its backends."""

from collections.abc import Iterable, Mapping
from typing import Any

from tokend import __version__
from tokend.backends.contract import Backend
from tokend.dialects import custom, native
from tokend.dialects.describing import ERROR, REASON, STATUS, STRING, TOKEN, object_of
from tokend.issuing.configuration import Route
from tokend.issuing.openapi_custom import custom_operations
from tokend.issuing.openapi_errors import ERROR_CODES
from tokend.issuing.openapi_examples import example_of
from tokend.issuing.openapi_parts import endpoint_operation, for_request, merged, ttl_schema
from tokend.issuing.openapi_security import authentication, security_schemes, servers


def fields_schema(kind: str, backend: Backend, route: Route) -> dict[str, Any]:
    """The JSON Schema of a token request: the kind, its fields, a ttl. Forms are made from it too."""
    schema = backend.Fields.model_json_schema(ref_template=f"#/components/schemas/{kind}_{{model}}")
    fields = schema.get("properties", {})
    if native.NAME in route.dialect_options:
        options = route.dialect_options[native.NAME]
        fields = {name: native.field_schema(of_field, options) for name, of_field in fields.items()}
    definitions = {f"{kind}_{name}": definition for name, definition in schema.get("$defs", {}).items()}
    example = example_of(schema, definitions)
    return {
        **schema,
        "title": kind,
        "type": "object",
        "examples": [{"kind": kind, **example}],
        "properties": {
            "kind": {"const": kind, "type": "string"},
            **fields,
            "ttl": ttl_schema(route, backend.max_ttl),
        },
        "required": ["kind", *schema.get("required", [])],
        "additionalProperties": False,
        **({} if backend.test_client is None else {"x-test-client": backend.test_client}),
    }


def openapi(route: Route, mounted_at: str = "", custom_routes: Iterable[Route] = ()) -> dict[str, Any]:
    """The OpenAPI 3.1 document of what a route answers, and custom routes of its app."""
    schemas: dict[str, Any] = {}
    for kind, backend in route.app.backends.items():
        schema = fields_schema(kind, backend, route)
        for name, definition in schema.pop("$defs", {}).items():
            schemas[f"{kind}_{name}"] = {**for_request(definition), "title": f"{kind}_{name}"}
        schemas[kind] = {**for_request(schema), "title": kind}
    kinds = [{"$ref": f"#/components/schemas/{kind}"} for kind in route.app.backends]
    schemas |= _shared_schemas(kinds) | {
        "InspectedToken": _inspected_token(route),
        "Ttl": ttl_schema(route),
        "ErrorCode": ERROR_CODES,
    }
    schemas |= {f"{dialect.name}_error": dialect.error for dialect in route.dialects if dialect.name != native.NAME}
    custom_routes = tuple(custom_routes)
    custom_paths = {other.prefix: custom_operations(other, mounted_at, schemas) for other in custom_routes}
    paths = _paths(route, schemas)
    if custom_paths:
        schemas[f"{custom.NAME}_error"] = ERROR
    return {
        "openapi": "3.1.0",
        "info": {"title": f"tokend: {route.app.name}", "version": __version__, "description": authentication(route)},
        "servers": servers(route, mounted_at),
        "paths": paths | {path: operations for path, operations in custom_paths.items() if path not in paths},
        "components": {"schemas": schemas, "securitySchemes": security_schemes((route, *custom_routes))},
    }


def _shared_schemas(kinds: list[dict[str, str]]) -> dict[str, Any]:
    seconds = {"type": ["integer", "null"], "description": "Unix seconds; null for a token bound to a connection"}
    token = {
        "title": "Token",
        "type": "object",
        "description": "The token, with the fields of its request.",
        "properties": {
            "token": TOKEN,
            "kind": {**STRING, "examples": [kinds[0]["$ref"].rpartition("/")[2]] if kinds else ["rtc"]},
            "app_id": {"type": "string", "description": "Left out by kinds of vendors that have none"},
            "role": {"type": ["string", "integer", "null"], "description": "Left out if the token gives none"},
            "ttl": {
                "type": ["integer", "null"],
                "description": "Seconds; null for a token bound to a connection",
                "examples": [3600],
            },
            "ttl_asked": {
                "type": "integer",
                "description": "The ttl of the request in seconds, if the lifetime was shortened",
            },
            "issued_at": {"type": "integer", "description": "Unix seconds", "examples": [1_800_000_000]},
            "expires_at": {**seconds, "examples": [1_800_003_600]},
            "renew_at": {
                **seconds,
                "description": "When a client should request a new token, in Unix seconds; or null",
                "examples": [1_800_003_570],
            },
        },
        "required": ["token", "kind"],
    }
    problem = object_of(
        {
            "type": STRING,
            "title": STRING,
            "status": STATUS,
            "detail": STRING,
            "code": REASON,
            "field": {"type": "string", "description": "The field at fault, if there is one"},
            "retry_after": {"type": "integer", "description": "Seconds to wait, where a rate limit refused it"},
            "request_id": STRING,
        },
        *("type", "title", "status", "detail", "code", "request_id"),
        closed=False,
    )
    refused = object_of({"error": {"type": "object"}}, "error", closed=False)
    token_requests = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/TokenRequest"},
        "minItems": 1,
        "maxItems": native.MAX_BATCH,
    }
    results = {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Token"}, refused]}}
    return {
        "TokenRequest": {"oneOf": kinds},
        "Batch": object_of({"requests": token_requests}, "requests"),
        "Results": object_of({"results": results}, "results", closed=False),
        "Token": token,
        f"{native.NAME}_error": problem,
    }


def _paths(route: Route, schemas: Mapping[str, Any]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for dialect in route.dialects:
        for endpoint in dialect.endpoints:
            if endpoint.description is None:
                continue
            operation = endpoint_operation(route, dialect, endpoint, endpoint.description, schemas)
            methods = paths.setdefault(f"/{endpoint.path}", {})
            method = endpoint.method.lower()
            methods[method] = merged(methods[method], operation) if method in methods else operation
    return paths


def _inspected_token(route: Route) -> dict[str, Any]:
    tokens = dict.fromkeys(backend.example_token for backend in route.app.backends.values() if backend.example_token)
    description = "A token, or an answer or URL that contains one"
    return {"type": "string", "minLength": 1, "description": description, "examples": [*tokens] or ["YOUR-TOKEN"]}
