"""Custom endpoints: a route of the configuration defines an endpoint for GET and POST, without Python.

The fields of the kinds come from the path, and from the query (GET) or a JSON body (POST), by name. `set` fixes a field,
`default` supplies it if the request does not. Unknown fields are 400.
"""

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

import msgspec.json
from msgspec import Struct

from tokend.core.errors import ApiError, Code
from tokend.core.model import Issued, TokenRequest
from tokend.dialects import fields as reading
from tokend.dialects.contract import TEXT, Dialect, Endpoint, HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.rendering import clamped_ttl, render_error, token_fields

NAME: Final = "custom"
TTL: Final = "ttl"
VERSION: Final = "version"
"""A field that comes from the route's `token_version`, never from a request."""
OF_A_TOKEN: Final = ("token", "kind", "app_id", "role", "ttl", "issued_at", "expires_at", "renew_at")
"""Placeholders of a response, in addition to the fields of the kind and the extras of its backend."""

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\}")


class Field(Struct, frozen=True):
    """How to convert text of a path or query into a field: `numeric` to an integer, `role` to a role name."""

    numeric: bool
    role: bool


class Custom(Struct, frozen=True):
    """The settings of a custom route. `kinds` maps each kind to its fields; `response` is the template of the answer."""

    kinds: Mapping[str, Mapping[str, Field]]
    set: Mapping[str, object]
    default: Mapping[str, object]
    response: object


def dialect(custom: Custom) -> Dialect:
    """Return the dialect of a custom route. Its endpoints have the path of the route itself."""

    def parse_get(request: HttpRequest) -> Issue:
        names = [name for name, _ in request.query]
        values: dict[str, object] = {name: reading.query_value(request, name) for name in names}
        return _issue(custom, request, values, values.keys() | request.params.keys())

    def parse_post(request: HttpRequest) -> Issue:
        body = reading.json_object(request) if request.body else {}
        return _issue(custom, request, body, request.params.keys())

    def render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
        return _render(custom, outcomes)

    endpoints = (Endpoint("GET", "", parse_get, render), Endpoint("POST", "", parse_post, render))
    return Dialect(NAME, endpoints, render_error)


def known_fields(kinds: Mapping[str, Mapping[str, Field]]) -> set[str]:
    """Return the names that a request, `set` and `default` may contain."""
    return {name for of_kind in kinds.values() for name in of_kind if name != VERSION} | {TTL}


def placeholders(template: object) -> list[str]:
    """Return the names of all placeholders in a response template."""
    if isinstance(template, str):
        return _PLACEHOLDER.findall(template)
    if isinstance(template, Mapping):
        return [name for value in template.values() for name in placeholders(value)]
    return [name for value in template for name in placeholders(value)] if isinstance(template, list) else []


def _issue(custom: Custom, request: HttpRequest, sent: Mapping[str, object], from_text: Set[str]) -> Issue:
    """Parse a request. `from_text` holds the names that came from the path or a query."""
    given: dict[str, object] = {**sent}
    for name, value in request.params.items():
        if name in sent:
            raise ApiError(Code.INVALID_FIELD, "stands in the path already", name)
        given[name] = value
    reading.reject_unknown(given, sorted(known_fields(custom.kinds)))
    for name in given:
        if name in custom.set:
            raise ApiError(Code.INVALID_FIELD, "is fixed by this route", name)
    values = {**custom.default, **given, **custom.set}
    ttl = _ttl(values, TTL in from_text)
    token_requests = []
    for kind, known in custom.kinds.items():
        of_kind = {
            name: _from_text(values[name], name, field, request)
            if name in from_text
            else _from_json(values[name], name, field)
            for name, field in known.items()
            if name in values
        }
        if VERSION in known:
            of_kind[VERSION] = request.settings.version
        token_requests.append(TokenRequest(kind, of_kind, ttl))
    return Issue(tuple(token_requests))


def _from_text(value: object, name: str, field: Field, request: HttpRequest) -> object:
    """Convert text of a path or query to the type of the field."""
    text = str(value)
    if name == "uid":
        return reading.uid(text, name, request.settings.signed_uid)
    if field.role:
        return reading.role(text, name)
    return reading.integer_text(text, name) if field.numeric else text


def _from_json(value: object, name: str, field: Field) -> object:
    """Convert a role of a JSON body to its name. The kind checks all other values."""
    return reading.role(value, name) if field.role and isinstance(value, str) else value


def _ttl(values: Mapping[str, object], from_text: bool) -> int | None:
    if TTL not in values:
        return None
    return (
        reading.integer_text(str(values[TTL]), TTL, "a whole number of seconds")
        if from_text
        else reading.seconds(values, TTL)
    )


def _render(custom: Custom, outcomes: Sequence[Outcome]) -> HttpResponse:
    tokens = [outcome for outcome in outcomes if isinstance(outcome, Issued)]
    values: dict[str, Any] = {}
    for issued in tokens:
        of_token = token_fields(issued)
        values[issued.token_request.kind] = of_token
        if len(tokens) == 1:
            values |= of_token
    content = _fill(custom.response, values)
    if isinstance(content, dict):
        return HttpResponse(200, msgspec.json.encode({**content, **clamped_ttl(outcomes)}))
    return HttpResponse(200, _text(content).encode(), TEXT)


def _fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Insert values into a template. A text that is only a placeholder becomes the value, with its type."""
    if isinstance(template, Mapping):
        return {name: _fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, values) for value in template]
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
