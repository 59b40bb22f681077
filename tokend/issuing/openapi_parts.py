"""Parts of the OpenAPI document: schemas of requests, and the operations of a dialect's endpoints."""

import re
from collections.abc import Mapping
from typing import Any, Final

from tokend.dialects.contract import JSON, TEXT, Description, Dialect, Endpoint, Schema
from tokend.dialects.native import NAME as NATIVE
from tokend.dialects.native import PROBLEM_JSON
from tokend.issuing.app_options import Placeholder, parse_path
from tokend.issuing.configuration import Route

CREDENTIALS: Final[tuple[Mapping[str, list[str]], ...]] = ({"api_key": []}, {"bearer": []})
"""What authenticates a caller in the documents, except for credentials in the URL."""
_FAILURES: Final[Mapping[int, str]] = {
    400: "The request is invalid",
    401: "The credential is missing or invalid",
    403: "No rule allows it",
    404: "Nothing is served at this path",
    413: "The body is too large",
    414: "The URL is too long",
    415: "The body is in another format",
    429: "Over a rate limit; Retry-After says for how long",
    431: "The headers are too large",
    500: "An error of the server",
    503: "The app, its authorizer or its rate limits are unavailable",
}
_OF_BODIES: Final = (413, 415)
_OF_PATHS: Final = 404
_BEFORE_ROUTING: Final = (414, 431)
_MALFORMED: Final = 400
"""A path that cannot be read belongs to no dialect, so that the error has the shape of native."""


def ttl_schema(route: Route, of_kind: int | None = None) -> dict[str, Any]:
    """The schema of a lifetime. A route that shortens longer ones has no maximum. `of_kind`: the kind's own, in seconds."""
    longest = route.ttl.longest(of_kind)
    description = f"Seconds; {min(route.ttl.default, longest)}, or a rule's smaller max, where left out."
    maximum = {} if route.options.clamp else {"maximum": longest}
    return {"type": "integer", "minimum": route.ttl.min, **maximum, "description": description}


def for_request(schema: Any) -> Any:
    """The schema without titles and defaults, which stand in the description instead.

    Generators of clients make a required field of one that has a default, and a class of each title.
    """
    if isinstance(schema, list):
        return [for_request(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {name: for_request(part) for name, part in schema.items() if name not in ("title", "default", "properties")}
    if "properties" in schema:  # names of fields, which may be called title or default
        found["properties"] = {name: for_request(part) for name, part in schema["properties"].items()}
    if schema.get("default") not in (None, [], {}):
        sentence = f"Left out: {schema['default']}."
        found["description"] = f"{found['description']} {sentence}" if "description" in found else sentence
    return found


def error_reference(dialect: str) -> str:
    """Where the document has the schema of a dialect's errors."""
    return f"#/components/schemas/{dialect}_error"


def failures(error: Mapping[str, Any], *, in_body: bool, in_path: bool) -> dict[str, Any]:
    """The answers with an error by status. `error`: their content. `in_body`, `in_path`: whether it has parameters there."""
    before_routing = {PROBLEM_JSON: {"schema": {"$ref": error_reference(NATIVE)}}}
    malformed = {**before_routing, **error} if in_path else error
    content: dict[int, Mapping[str, Any]] = {**dict.fromkeys(_BEFORE_ROUTING, before_routing), _MALFORMED: malformed}
    return {
        str(status): {"description": description, "content": content.get(status, error)}
        for status, description in _FAILURES.items()
        if (in_body or status not in _OF_BODIES) and (in_path or status != _OF_PATHS)
    }


def security(is_open: bool) -> list[Mapping[str, list[str]]]:
    """Which credentials are accepted. `is_open`: whether none is needed."""
    return [*CREDENTIALS, *([{}] if is_open else [])]


def endpoint_operation(dialect: Dialect, endpoint: Endpoint, description: Description, is_open: bool) -> dict[str, Any]:
    """The operation of an endpoint. `is_open`: whether a caller needs no credential."""
    in_path = [part.name for part in parse_path(endpoint.path) if isinstance(part, Placeholder)]
    is_page = dialect.name == NATIVE and endpoint.method == "GET"
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": description.path.get(name, {"type": "string", "minLength": 1}),
        }
        for name in in_path
    ]
    parameters += [
        {"name": name, "in": "query", "required": name in description.required, "schema": schema}
        for name, schema in description.query.items()
    ]
    operation: dict[str, Any] = {
        "tags": [dialect.name],
        "operationId": _identifier(dialect.name, endpoint),
        "summary": description.summary or f"As {dialect.name} has it",
        "responses": {str(description.status): _answer(description.answer)},
        "security": [{}] if is_page else security(is_open),
    }
    if not is_page:
        failed = failures(_error(dialect, endpoint), in_body=endpoint.method == "POST", in_path=bool(in_path))
        operation["responses"] |= failed
    if parameters:
        operation["parameters"] = parameters
    if description.body is not None:
        content = {endpoint.media or JSON: {"schema": description.body}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """One operation for two endpoints that share method and path: the content type of the request tells them apart."""
    responses = {
        status: _with_content(first["responses"].get(status, {}), second["responses"].get(status, {}))
        for status in {**first["responses"], **second["responses"]}
    }
    body = _with_content(first.get("requestBody", {}), second.get("requestBody", {}))
    found = {**second, **first, "tags": [*first["tags"], *second["tags"]], "responses": responses}
    return found | ({"requestBody": body} if body else {})


def _with_content(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    content = {**first.get("content", {})}
    for media, of_second in second.get("content", {}).items():
        schemas = [of_second["schema"], *([content[media]["schema"]] if media in content else [])]
        content[media] = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    return {**second, **first, **({"content": content} if content else {})}


def _identifier(dialect: str, endpoint: Endpoint) -> str:
    """A name of the operation that differs from all others of the route."""
    return "_".join(re.findall(r"\w+", f"{dialect} {endpoint.method.lower()} {endpoint.path}", re.ASCII)).replace(
        "-", "_"
    )


def _answer(schema: Schema | None) -> dict[str, Any]:
    if schema is None:
        return {"description": "OK"}
    return {"description": "OK", "content": {TEXT if schema.get("type") == "string" else JSON: {"schema": schema}}}


def _error(dialect: Dialect, endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.render_error is not None:
        return {TEXT: {"schema": {"type": "string"}}}
    return {PROBLEM_JSON if dialect.name == NATIVE else JSON: {"schema": {"$ref": error_reference(dialect.name)}}}
