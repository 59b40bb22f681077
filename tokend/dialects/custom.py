"""A company's own URL, made from a route of the configuration: no Python, one endpoint for GET and one for POST.

Path, then query (GET) or JSON (POST) fill the kinds' fields by name; `set` fixes, `default` fills, unknown is 400.
"""

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

import orjson
from msgspec import Struct

from tokend.core.errors import ApiError, Code
from tokend.core.model import Issued, TokenRequest
from tokend.dialects import fields as reading
from tokend.dialects.contract import TEXT, Dialect, Endpoint, HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.rendering import cut_short, render_error, token_fields

NAME: Final = "custom"
TTL: Final = "ttl"
VERSION: Final = "version"
"""A field that the route's `token_version` says, and no request."""
OF_A_TOKEN: Final = ("token", "kind", "app_id", "role", "ttl", "issued_at", "expires_at", "renew_at")
"""What a placeholder of an answer can name, besides the kind's fields and what its backend adds."""

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\}")


class Field(Struct, frozen=True):
    """One field of a kind, as text of a path or a query becomes it: `numeric` ones are whole numbers."""

    numeric: bool
    role: bool


class Custom(Struct, frozen=True):
    """What the route says. `fields`: of each kind, by name; `path`: the names that the path holds."""

    kinds: Mapping[str, Mapping[str, Field]]
    set: Mapping[str, object]
    default: Mapping[str, object]
    answer: object


def dialect(custom: Custom) -> Dialect:
    """The dialect of such a route; its endpoints have no path below the route's own."""

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
    """What a request, `set` and `default` can say."""
    return {name for of_kind in kinds.values() for name in of_kind if name != VERSION} | {TTL}


def placeholders(answer: object) -> list[str]:
    """The names in an answer, wherever they stand."""
    if isinstance(answer, str):
        return _PLACEHOLDER.findall(answer)
    if isinstance(answer, Mapping):
        return [name for value in answer.values() for name in placeholders(value)]
    return [name for value in answer for name in placeholders(value)] if isinstance(answer, list) else []


def _issue(custom: Custom, request: HttpRequest, sent: Mapping[str, object], from_text: Set[str]) -> Issue:
    """`from_text`: the names that came as text, of the path or a query."""
    given: dict[str, object] = {**sent}
    for name, value in request.params.items():
        if name in sent:
            raise ApiError(Code.INVALID_FIELD, "stands in the path already", name)
        given[name] = value
    reading.known_only(given, sorted(known_fields(custom.kinds)))
    for name in given:
        if name in custom.set:
            raise ApiError(Code.INVALID_FIELD, "is fixed by this route", name)
    whole = {**custom.default, **given, **custom.set}
    ttl = _ttl(whole, TTL in from_text)
    token_requests = []
    for kind, known in custom.kinds.items():
        of_kind = {
            name: _typed(whole[name], name, field, request) if name in from_text else _worded(whole[name], name, field)
            for name, field in known.items()
            if name in whole
        }
        if VERSION in known:
            of_kind[VERSION] = request.settings.version
        token_requests.append(TokenRequest(kind, of_kind, ttl))
    return Issue(tuple(token_requests))


def _typed(value: object, name: str, field: Field, request: HttpRequest) -> object:
    """Text of a path or a query as the field wants it."""
    text = str(value)
    if name == "uid":
        return reading.uid(text, name, request.settings.signed_uid)
    if field.role:
        return reading.role(text, name)
    return reading.whole_text(text, name) if field.numeric else text


def _worded(value: object, name: str, field: Field) -> object:
    """A role of a JSON body, in any of its words; anything else is the kind's to judge."""
    return reading.role(value, name) if field.role and isinstance(value, str) else value


def _ttl(whole: Mapping[str, object], from_text: bool) -> int | None:
    if TTL not in whole:
        return None
    return (
        reading.whole_text(str(whole[TTL]), TTL, "a whole number of seconds")
        if from_text
        else reading.whole(whole, TTL)
    )


def _render(custom: Custom, outcomes: Sequence[Outcome]) -> HttpResponse:
    issued = [one for one in outcomes if isinstance(one, Issued)]
    values: dict[str, Any] = {}
    for one in issued:
        of_token = token_fields(one)
        values[one.token_request.kind] = of_token
        if len(issued) == 1:
            values |= of_token
    filled = _filled(custom.answer, values)
    if isinstance(filled, dict):
        return HttpResponse(200, orjson.dumps({**filled, **cut_short(outcomes)}))
    return HttpResponse(200, _text(filled).encode(), TEXT)


def _filled(answer: Any, values: Mapping[str, Any]) -> Any:
    """A placeholder standing alone keeps its type; within a text it becomes text."""
    if isinstance(answer, Mapping):
        return {name: _filled(value, values) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_filled(value, values) for value in answer]
    if not isinstance(answer, str):
        return answer
    single_process = _PLACEHOLDER.fullmatch(answer)
    if single_process:
        return _value(single_process[1], values)
    return _PLACEHOLDER.sub(lambda found: _text(_value(found[1], values)), answer)


def _text(value: object) -> str:
    """Nothing, as the role of an RTM token, is no text."""
    return "" if value is None else str(value)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    at: Any = values
    for step in name.split("."):
        at = at.get(step) if isinstance(at, Mapping) else None
    return at
