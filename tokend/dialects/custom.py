"""Custom endpoints: a route of the configuration defines an endpoint for GET and POST, without Python.

The fields of the kinds come from the path, and from the query (GET), or a JSON body or a form (POST), by name. `set`
fixes a field, `default` supplies it if the request does not. Unknown fields are 400.
"""

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

from msgspec import Struct
from pydantic import Field

from tokend.core.errors import ApiError, Code
from tokend.core.model import Issued, TokenRequest
from tokend.core.validation import StrictModel
from tokend.dialects import agora_fields, reading
from tokend.dialects.contract import (
    FORM,
    JSON,
    ROLE_FORMAT,
    TEXT,
    TOKEN_VERSION_FORMAT,
    UID_FORMAT,
    Dialect,
    Endpoint,
    FieldType,
    FieldTypes,
    HttpRequest,
    HttpResponse,
    Issue,
    Outcome,
)
from tokend.dialects.rendering import as_json, clamped_ttl, render_error, token_fields

NAME: Final = "custom"
TTL: Final = "ttl"
OF_A_TOKEN: Final = ("token", "kind", "app_id", "role", "ttl", "issued_at", "expires_at", "renew_at")
"""Placeholders of a response, in addition to the fields of the kind and the extras of its backend."""

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\}")


class CustomOptions(StrictModel):
    """Options of custom endpoints."""

    signed_uid: bool = Field(default=False, description="also take a uid as Android shows it, as a signed number")


class Custom(Struct, frozen=True):
    """The settings of a custom route. `kinds` maps each kind to its fields; `response` is the template of the answer.

    `renamed` maps names in a request to fields of the kinds, where they differ; `ignored` are names in a request that are
    not looked at. `set` and `default` have the kinds' names. `status` is that of the answer, 200 to 299.
    """

    kinds: Mapping[str, FieldTypes]
    set: Mapping[str, object]
    default: Mapping[str, object]
    response: object
    renamed: Mapping[str, str] = {}
    ignored: frozenset[str] = frozenset()
    status: int = 200


_BOOLEANS: Final = {"true": True, "false": False}


def dialect(custom: Custom) -> Dialect:
    """Return the dialect of a custom route. Its endpoints have the path of the route itself."""
    names = names_in_requests(custom.kinds, custom.renamed)
    known = sorted(name for name in names if custom.renamed.get(name, name) not in custom.set)

    def parse_text(request: HttpRequest, pairs: Sequence[tuple[str, str]]) -> Issue:
        sent = reading.without_repetition(pair for pair in pairs if pair[0] not in custom.ignored)
        return _issue(custom, known, request, sent, sent.keys() | request.params.keys())

    def parse_get(request: HttpRequest) -> Issue:
        return parse_text(request, request.query)

    def parse_post(request: HttpRequest) -> Issue:
        media = reading.media_type(request)
        if media == FORM or not request.body:
            return parse_text(request, reading.form(request) if request.body else ())
        if media != JSON:
            raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, f"send the body as {JSON} or {FORM}")
        body = reading.json_object(request)
        sent = {name: value for name, value in body.items() if name not in custom.ignored}
        return _issue(custom, known, request, sent, request.params.keys())

    def render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
        return _render(custom, outcomes)

    endpoints = (Endpoint("GET", "", parse_get, render), Endpoint("POST", "", parse_post, render))
    issues_006 = any(
        types[name].format == TOKEN_VERSION_FORMAT and value == agora_fields.V006
        for types in custom.kinds.values()
        for name, value in {**custom.default, **custom.set}.items()
        if name in types
    )
    warnings = (agora_fields.WARNING_006,) if issues_006 else ()
    return Dialect(NAME, endpoints, render_error, Options=CustomOptions, warnings=lambda options: warnings)


def fields_of(kinds: Mapping[str, FieldTypes]) -> set[str]:
    """Return the names that `set` and `default` may contain: the fields of the kinds, and the ttl."""
    return {name for types in kinds.values() for name in types} | {TTL}


def names_in_requests(kinds: Mapping[str, FieldTypes], renamed: Mapping[str, str]) -> set[str]:
    """Return the names that a request may contain. The format of a token is the configuration's to choose."""
    fields = {
        name
        for types in kinds.values()
        for name, field_type in types.items()
        if field_type.format != TOKEN_VERSION_FORMAT
    }
    return ((fields | {TTL}) - set(renamed.values())) | renamed.keys()


def placeholders(template: object) -> list[str]:
    """Return the names of all placeholders in a response template."""
    if isinstance(template, str):
        return _PLACEHOLDER.findall(template)
    if isinstance(template, Mapping):
        return [name for value in template.values() for name in placeholders(value)]
    return [name for value in template for name in placeholders(value)] if isinstance(template, list) else []


def _issue(
    custom: Custom, known: Sequence[str], request: HttpRequest, sent: Mapping[str, object], from_text: Set[str]
) -> Issue:
    """Parse a request. `known`: the names that it may contain. `from_text`: those that came from a path, query or form."""
    given: dict[str, object] = {**sent}
    for name, value in request.params.items():
        if name in sent:
            raise ApiError(Code.INVALID_FIELD, "is already in the path", name)
        if name not in custom.ignored:
            given[name] = value
    names = {custom.renamed.get(name, name): name for name in given}
    for field, name in names.items():
        if field in custom.set:
            raise ApiError(Code.INVALID_FIELD, "is fixed by this route", name)
    reading.reject_unknown(given, known)
    values = {**custom.default, **{field: given[name] for field, name in names.items()}, **custom.set}
    of_text = {field for field, name in names.items() if name in from_text}
    client_names = {field: name for name, field in custom.renamed.items()}
    ttl = _ttl(values, client_names.get(TTL, TTL), is_text=TTL in of_text)
    token_requests = []
    for kind, types in custom.kinds.items():
        fields = {
            field: _from_text(values[field], client_names.get(field, field), field_type, request)
            if field in of_text
            else _from_json(values[field], client_names.get(field, field), field_type, request)
            for field, field_type in types.items()
            if field in values
        }
        token_requests.append(TokenRequest(kind, fields, ttl, client_names))
    return Issue(tuple(token_requests))


def _from_text(value: object, name: str, field_type: FieldType, request: HttpRequest) -> object:
    """Convert text of a path, query or form to the type of the field. `name` is that in the request."""
    text = str(value)
    if field_type.format == UID_FORMAT:
        return agora_fields.uid(text, name, request.options.signed_uid)
    if field_type.format == ROLE_FORMAT:
        return agora_fields.role(text, name)
    if field_type.structured:
        raise ApiError(Code.INVALID_FIELD, f"can only be sent in a body of {JSON}", name)
    if field_type.boolean and text in _BOOLEANS:
        return _BOOLEANS[text]
    if field_type.fractional:
        return reading.number_text(text, name)
    return reading.integer_text(text, name) if field_type.numeric else text


def _from_json(value: object, name: str, field_type: FieldType, request: HttpRequest) -> object:
    """Convert a role of a JSON body to its name, and a negative uid if the route takes it. The kind checks all other values."""
    if field_type.format == ROLE_FORMAT and isinstance(value, str):
        return agora_fields.role(value, name)
    if field_type.format == UID_FORMAT and type(value) is int and value < 0 and request.options.signed_uid:
        return agora_fields.uid(str(value), name, request.options.signed_uid)
    return value


def _ttl(values: Mapping[str, object], name: str, *, is_text: bool) -> int | None:
    """The lifetime in seconds; None if there is none. `name` is that in the request."""
    if TTL not in values:
        return None
    if is_text:
        return reading.integer_text(str(values[TTL]), name, "a whole number of seconds")
    return reading.seconds({name: values[TTL]}, name)


def _render(custom: Custom, outcomes: Sequence[Outcome]) -> HttpResponse:
    tokens = [outcome for outcome in outcomes if isinstance(outcome, Issued)]
    values: dict[str, Any] = {}
    for issued in tokens:
        of_kind = token_fields(issued)
        of_token = {name: of_kind.get(field) for name, field in custom.renamed.items()} | of_kind
        values[issued.token_request.kind] = of_token
        if len(tokens) == 1:
            values |= of_token
    content = fill(custom.response, values)
    if isinstance(content, dict):
        return as_json({**clamped_ttl(outcomes), **content}, custom.status)
    return HttpResponse(custom.status, _text(content).encode(), TEXT)


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Insert values into the template of a response. A text that is only a placeholder becomes the value, with its type."""
    if isinstance(template, Mapping):
        return {name: fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    if not isinstance(template, str):
        return template
    whole = _PLACEHOLDER.fullmatch(template)
    if whole:
        return _value(whole[1], values)
    return _PLACEHOLDER.sub(lambda match: _text(_value(match[1], values)), template)


def _text(value: object) -> str:
    """Convert a value to text. None, such as the role of an RTM token, becomes empty."""
    return "" if value is None else str(value)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    value: Any = values
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
