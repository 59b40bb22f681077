"""Makes the OpenAPI operations of a custom endpoint: its names, types and status as the configuration sets them."""

from collections.abc import Mapping
from typing import Any

from tokend.dialects import custom
from tokend.dialects.contract import FORM, JSON, TEXT, TOKEN_VERSION_FORMAT
from tokend.dialects.describing import object_of
from tokend.dialects.rendering import render_error
from tokend.issuing.app_options import Placeholder
from tokend.issuing.configuration import Route
from tokend.issuing.field_types import field_types
from tokend.issuing.openapi_errors import failures
from tokend.issuing.openapi_examples import Definitions, example_of, examples_of
from tokend.issuing.openapi_parts import for_request, parameter, ttl_schema
from tokend.issuing.openapi_security import security


def custom_operations(route: Route, mounted_at: str, definitions: Definitions) -> dict[str, Any]:
    """The operations of a custom route by method. Their server is the whole application, not a prefix.

    `definitions`: the schemas of the document, for examples.
    """
    properties, required = _request(route)
    in_path = [part.name for part in route.path if isinstance(part, Placeholder)]
    sent = {name: schema for name, schema in properties.items() if name not in in_path}
    required -= set(in_path)
    texts = {name: text for name, schema in properties.items() if (text := _as_text(schema)) is not None}
    path_parameters = [parameter("path", name, texts.get(name, {"type": "string"}), definitions) for name in in_path]
    sent_as_text = {name: schema for name, schema in texts.items() if name in sent}
    query_parameters = [
        parameter("query", name, schema, definitions, is_required=name in required)
        for name, schema in sent_as_text.items()
    ]
    shared = {
        "tags": [custom.NAME],
        "summary": f"A token of {' and '.join(kinds_of(route))}",
        "servers": [{"url": mounted_at or "/"}],
        "responses": {
            str(route.options.status): _answer(route, definitions),
            **failures(
                custom.NAME,
                render_error,
                in_body=True,
                in_path=True,
                field=next(iter((*in_path, *sorted(required))), "ttl"),
            ),
        },
        "security": security(route),
    }
    bodies = {
        media: object_of(schemas, *sorted(required & schemas.keys()))
        for media, schemas in ((JSON, sent), (FORM, sent_as_text))
    }
    content = {
        media: {"schema": schema, "examples": examples_of(custom.NAME, schema, definitions)}
        for media, schema in bodies.items()
    }
    return {
        "get": {**shared, "parameters": [*path_parameters, *query_parameters]},
        "post": {
            **shared,
            "parameters": path_parameters,
            "requestBody": {"required": bool(required), "content": content},
        },
    }


def kinds_of(route: Route) -> list[str]:
    """The kinds of a custom route, each once."""
    options = route.options
    return [options.kind] if options.kind is not None else list(dict.fromkeys(options.kinds or ()))


def _request(route: Route) -> tuple[dict[str, Any], set[str]]:
    """The JSON Schemas of the names in a request, and the names that must be there."""
    options = route.options
    client_names = {field: name for name, field in options.fields.items()}
    properties: dict[str, Any] = {}
    required: set[str] = set()
    for kind in kinds_of(route):
        model = route.app.backends[kind].Fields
        schema = model.model_json_schema(ref_template=f"#/components/schemas/{kind}_{{model}}")
        for field, of_field in schema.get("properties", {}).items():
            if field in options.set or field_types(model)[field].format == TOKEN_VERSION_FORMAT:
                continue
            name = client_names.get(field, field)
            properties.setdefault(name, for_request(of_field))
            if field in schema.get("required", ()) and field not in options.default:
                required.add(name)
    if custom.TTL not in options.set:
        properties[client_names.get(custom.TTL, custom.TTL)] = ttl_schema(route)
    return properties | {name: {"description": "Not looked at"} for name in options.ignore}, required


def _as_text(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema of a field in a path, query or form: without null, lists and objects. None if no form is left."""
    if "anyOf" not in schema:
        is_text = "$ref" not in schema and schema.get("type") not in ("null", "array", "object")
        return {"type": "string", **schema} if is_text else None
    forms = [text for form in schema["anyOf"] if (text := _as_text(form)) is not None]
    if not forms:
        return None
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**forms[0], **rest} if len(forms) == 1 else {**rest, "anyOf": forms}


def _answer(route: Route, definitions: Definitions) -> dict[str, Any]:
    """The response object, with an example made from the template of the route."""
    of_token = example_of(definitions["Token"], definitions)
    values = {
        kind: {**example_of(definitions[kind], definitions), **of_token, "kind": kind} for kind in kinds_of(route)
    }
    first = next(iter(values.values()))
    example = custom.fill(route.options.response or {"token": "{token}"}, {**first, **values})
    examples = {custom.NAME: {"value": example}}
    if isinstance(example, str):
        return {"description": "OK", "content": {TEXT: {"schema": {"type": "string"}, "examples": examples}}}
    names = list(example) if isinstance(example, Mapping) else []
    schema = object_of({name: {} for name in names}, *names, closed=False)
    return {"description": "OK", "content": {JSON: {"schema": schema, "examples": examples}}}
