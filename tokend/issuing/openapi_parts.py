"""Parts of the OpenAPI document: schemas of requests, and the operations of a dialect's endpoints."""

import re
from collections.abc import Mapping
from typing import Any

from tokend.dialects.contract import JSON, TEXT, Description, Dialect, Endpoint, Schema
from tokend.dialects.native import NAME as NATIVE
from tokend.issuing.app_options import Placeholder, parse_path
from tokend.issuing.configuration import Route
from tokend.issuing.openapi_errors import failures
from tokend.issuing.openapi_examples import Definitions, example_of, examples_of, has_example, resolve
from tokend.issuing.openapi_security import security


def ttl_schema(route: Route, of_kind: int | None = None) -> dict[str, Any]:
    """The schema of a lifetime. A route that shortens longer ones has no maximum. `of_kind`: the kind's own, in seconds."""
    longest = route.ttl.longest(of_kind)
    description = f"Seconds. Default: {min(route.ttl.default, longest)}, or a rule's smaller max."
    maximum = {} if route.options.clamp else {"maximum": longest}
    return {"type": "integer", "minimum": route.ttl.min, **maximum, "description": description}


def for_request(schema: Any) -> Any:
    """The schema without titles and without defaults. A default stands in the description instead.

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
        sentence = f"Default: {schema['default']}."
        found["description"] = f"{found['description']} {sentence}" if "description" in found else sentence
    return found


def endpoint_operation(
    route: Route, dialect: Dialect, endpoint: Endpoint, description: Description, definitions: Definitions
) -> dict[str, Any]:
    """The operation of an endpoint. `definitions`: the schemas of the document, for examples."""
    in_path = [part.name for part in parse_path(endpoint.path) if isinstance(part, Placeholder)]
    is_page = dialect.name == NATIVE and endpoint.method == "GET"
    parameters = [
        parameter("path", name, description.path.get(name, {"type": "string", "minLength": 1}), definitions)
        for name in in_path
    ]
    parameters += [
        parameter("query", name, schema, definitions, is_required=name in description.required)
        for name, schema in description.query.items()
    ]
    operation: dict[str, Any] = {
        "tags": [dialect.name],
        "operationId": _identifier(dialect.name, endpoint),
        "summary": description.summary or f"As {dialect.name} has it",
        **({} if description.remarks is None else {"description": description.remarks}),
        "responses": {str(description.status): _answer(dialect.name, description.answer, definitions)},
        "security": [{}] if is_page else security(route, endpoint),
    }
    if not is_page:
        required = (*in_path, *description.required, *(description.body or {}).get("required", ()))
        operation["responses"] |= failures(
            dialect.name,
            endpoint.render_error or dialect.render_error,
            in_body=endpoint.method == "POST",
            in_path=bool(in_path),
            field=next(iter(required), "ttl"),
        )
    if parameters:
        operation["parameters"] = parameters
    if description.body is not None:
        examples = {title: {"value": body} for title, body in description.examples.items()}
        content = {
            "schema": description.body,
            "examples": examples or examples_of(dialect.name, description.body, definitions),
        }
        operation["requestBody"] = {"required": True, "content": {endpoint.media or JSON: content}}
    return operation


def parameter(
    place: str, name: str, schema: Schema, definitions: Definitions, *, is_required: bool = True
) -> dict[str, Any]:
    """The object of a parameter. `place`: path or query. An optional one has an example only if its schema has it."""
    found: dict[str, Any] = {"name": name, "in": place, "required": is_required, "schema": schema}
    resolved = resolve(schema, definitions)
    if "description" in resolved:
        found["description"] = resolved["description"]
    if is_required or has_example(schema):
        found["example"] = example_of(schema, definitions)
    return found


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
        of_first = content.get(media)
        content[media] = of_second if of_first is None else _either(of_first, of_second)
    return {**second, **first, **({"content": content} if content else {})}


def _either(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    schemas = [second["schema"], first["schema"]]
    examples = {**first.get("examples", {}), **second.get("examples", {})}
    return {"schema": {"anyOf": schemas}, **({"examples": examples} if examples else {})}


def _identifier(dialect: str, endpoint: Endpoint) -> str:
    """A name of the operation that differs from all others of the route."""
    return "_".join(re.findall(r"\w+", f"{dialect} {endpoint.method.lower()} {endpoint.path}", re.ASCII))


def _answer(title: str, schema: Schema | None, definitions: Definitions) -> dict[str, Any]:
    if schema is None:
        return {"description": "OK"}
    content = {"schema": schema, "examples": examples_of(title, schema, definitions)}
    return {"description": "OK", "content": {TEXT if schema.get("type") == "string" else JSON: content}}
