"""Makes the OpenAPI document and form schemas of a route from the models of its backends."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tokend import __version__
from tokend.backends.contract import Backend
from tokend.core.errors import STATUS, Code
from tokend.dialects import native
from tokend.dialects.contract import Endpoint
from tokend.issuing.app_options import Placeholder, parse_path
from tokend.issuing.configuration import Route
from tokend.issuing.openapi_custom import CREDENTIALS, custom_operations

_NATIVE: Final = "native"
_SUMMARIES: Final = {
    "v1/token": "A token of any kind",
    "v1/tokens": f"Up to {native.MAX_BATCH} tokens, each of which succeeds or fails by itself",
    "v1/explain": "By which rule a token would be issued, or what each rule lacks; nothing is minted",
    "v1/inspect": "What a token gives, who signed it, how long it lasts, why a join would fail",
    "openapi.json": "This document",
    "docs": "This document, for people",
}


def fields_schema(kind: str, backend: Backend, route: Route) -> dict[str, Any]:
    """The JSON Schema of a token request: the kind, its fields, a ttl. Forms are made from it too."""
    longest = route.ttl.longest(backend.max_ttl)
    default = min(route.ttl.default, longest)
    ttl = {"type": "integer", "minimum": route.ttl.min, **({} if route.options.clamp else {"maximum": longest})}
    schema = backend.Fields.model_json_schema(ref_template=f"#/components/schemas/{kind}_{{model}}")
    return {
        **schema,
        "title": kind,
        "type": "object",
        "properties": {
            "kind": {"const": kind, "type": "string"},
            **schema.get("properties", {}),
            "ttl": {**ttl, "description": f"Seconds; {default}, or a rule's smaller max, where left out."},
        },
        "required": ["kind", *schema.get("required", [])],
        "additionalProperties": False,
    }


def openapi(route: Route, mounted_at: str = "", custom_routes: Iterable[Route] = ()) -> dict[str, Any]:
    """The OpenAPI 3.1 document of what a route answers, and custom routes of its app."""
    schemas: dict[str, Any] = {}
    for kind, backend in route.app.backends.items():
        schema = fields_schema(kind, backend, route)
        for name, definition in schema.pop("$defs", {}).items():
            schemas[f"{kind}_{name}"] = definition
        schemas[kind] = schema
    kinds = [{"$ref": f"#/components/schemas/{kind}"} for kind in route.app.backends]
    schemas |= _shared_schemas(kinds)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"tokend: {route.app.name}", "version": __version__},
        "servers": [{"url": (mounted_at + route.prefix.rstrip("/")) or "/"}],
        "paths": {other.prefix: custom_operations(other, mounted_at) for other in custom_routes} | _paths(route),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _shared_schemas(kinds: list[dict[str, str]]) -> dict[str, Any]:
    seconds = {"type": ["integer", "null"], "description": "Unix seconds; null for a token bound to a connection"}
    token = {
        "type": "object",
        "description": "The token, with the fields of its request.",
        "properties": {
            "token": {"type": "string"},
            "kind": {"type": "string"},
            "app_id": {"type": "string", "description": "Left out by kinds of vendors that have none"},
            "role": {"type": ["string", "integer", "null"], "description": "Left out if the token gives none"},
            "ttl": {"type": ["integer", "null"], "description": "Seconds; null for a token bound to a connection"},
            "issued_at": {"type": "integer", "description": "Unix seconds"},
            "expires_at": seconds,
            "renew_at": {
                **seconds,
                "description": "When a client should request a new token, in Unix seconds; or null",
            },
        },
        "required": ["token", "kind"],
    }
    problem = {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"enum": sorted(set(STATUS.values()))},
            "detail": {"type": "string"},
            "code": {"enum": sorted(Code)},
            "field": {"type": "string", "description": "The field at fault, if it is one's"},
            "retry_after": {"type": "integer", "description": "Seconds to wait, where a rate limit refused it"},
            "request_id": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail", "code", "request_id"],
    }
    refused = {"type": "object", "properties": {"error": {"type": "object"}}, "required": ["error"]}
    token_requests = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/TokenRequest"},
        "minItems": 1,
        "maxItems": native.MAX_BATCH,
    }
    results = {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Token"}, refused]}}
    texts: dict[str, object] = {name: {"type": "string"} for name in ("token", "channel", "account", "product")}
    inspected = texts | {name: {"type": ["string", "integer"]} for name in ("user", "uid")}
    return {
        "TokenRequest": {"oneOf": kinds},
        "Batch": {
            "type": "object",
            "properties": {"requests": token_requests},
            "required": ["requests"],
            "additionalProperties": False,
        },
        "Results": {"type": "object", "properties": {"results": results}, "required": ["results"]},
        "Inspect": {"type": "object", "properties": inspected, "required": ["token"], "additionalProperties": False},
        "Token": token,
        "Problem": problem,
    }


_BODIES: Final = {
    "v1/token": ("TokenRequest", "Token"),
    "v1/tokens": ("Batch", "Results"),
    "v1/explain": ("TokenRequest", None),
    "v1/inspect": ("Inspect", None),
}


def _paths(route: Route) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for dialect in route.dialects:
        for endpoint in dialect.endpoints:
            operation = _operation(dialect.name, endpoint, bool(route.open_callers))
            known = paths.setdefault(f"/{endpoint.path}", {}).setdefault(endpoint.method.lower(), operation)
            if known is not operation:  # the content type distinguishes them
                known["tags"].append(dialect.name)
    return paths


def _operation(dialect: str, endpoint: Endpoint, is_open: bool) -> dict[str, Any]:
    names = [part.name for part in parse_path(endpoint.path) if isinstance(part, Placeholder)]
    body, answer = _BODIES.get(endpoint.path, (None, None)) if dialect == _NATIVE else (None, None)
    is_document = dialect == _NATIVE and endpoint.method == "GET"
    ok: dict[str, Any] = {"description": "OK"}
    if answer is not None:
        ok["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{answer}"}}}
    refused: dict[str, Any] = {"description": "Refused, with a code that programs can read"}
    if dialect == _NATIVE:
        refused["content"] = {native.PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operation: dict[str, Any] = {
        "tags": [dialect],
        "summary": _SUMMARIES.get(endpoint.path, f"As {dialect} has it"),
        "responses": {"200": ok, **({} if is_document else {"4XX": refused})},
        "security": [*([] if is_document else CREDENTIALS), *([{}] if is_document or is_open else [])],
    }
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if body is not None:
        schema: Mapping[str, str] = {"$ref": f"#/components/schemas/{body}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
