"""`native`: tokend's own API, with tokens, batches, explain, inspect, and documents. Errors are problem+json (RFC 9457)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec.json
from pydantic import Field

from tokend.core.errors import ApiError, Code, whole_seconds
from tokend.core.model import Issued, TokenRequest
from tokend.core.validation import StrictModel
from tokend.dialects import reading
from tokend.dialects.agora_fields import V006, V007, warnings_about_006
from tokend.dialects.contract import (
    TOKEN_VERSION_FORMAT,
    Description,
    Dialect,
    Endpoint,
    Explain,
    Explanation,
    FieldTypes,
    HttpRequest,
    HttpResponse,
    Inspect,
    Inspection,
    Issue,
    Outcome,
    Page,
    Parsed,
    Schema,
)
from tokend.dialects.describing import REASON, STRING, object_of
from tokend.dialects.rendering import as_json, field_of, token_fields

NAME: Final = "native"
PROBLEM_JSON: Final = "application/problem+json"
MAX_BATCH: Final = 100
"""Token requests in a batch."""
BATCH_BODY_LIMIT: Final = 64 * 1024
"""Bytes."""
_USERS: Final = ("user", "uid", "account")
"""Names of the user in a request to inspect: kinds call it so."""
_AUTHORIZER: Final = "is asked before a token is issued, and may refuse or narrow it; explain does not ask it"


class NativeOptions(StrictModel):
    """Options of the dialect native."""

    token_version: Literal["006", "007"] = Field(
        default=V007, description="006: a request may choose that format for its token, and 007 otherwise"
    )


_NAMES: Final = {"kind": "kind"}


def _token_request(body: Mapping[str, Any], request: HttpRequest) -> TokenRequest:
    kind = reading.text(body, "kind")
    if kind is None:
        raise ApiError(Code.INVALID_FIELD, "is missing", "kind")
    fields = {name: value for name, value in body.items() if name not in ("kind", "ttl")}
    if request.options.token_version != V006 and V006 in fields.values():
        _reject_006(fields, request.field_types(kind))
    return TokenRequest(kind, fields, reading.seconds(body, "ttl"), _NAMES)


def _reject_006(fields: Mapping[str, object], types: FieldTypes) -> None:
    """Raise `ApiError` for a token format of 006. No other field of a kind is affected."""
    for name, value in fields.items():
        if value == V006 and name in types and types[name].format == TOKEN_VERSION_FORMAT:
            raise ApiError(
                Code.INVALID_FIELD, "may not be 006: the route's dialect native does not have token_version 006", name
            )


def field_schema(schema: Schema, options: Any) -> Schema:
    """The JSON Schema of a kind's field as this dialect takes it. `options`: those of the dialect on its route."""
    if schema.get("format") != TOKEN_VERSION_FORMAT or options.token_version == V006:
        return schema
    return {**schema, "enum": [version for version in schema["enum"] if version != V006]}


def _token(request: HttpRequest) -> Issue:
    return Issue((_token_request(reading.json_object(request), request),))


def _tokens(request: HttpRequest) -> Issue:
    body = reading.json_object(request)
    reading.reject_unknown(body, ("requests",))
    token_requests = body.get("requests")
    if not isinstance(token_requests, list) or not 1 <= len(token_requests) <= MAX_BATCH:
        raise ApiError(Code.INVALID_FIELD, f"must be a list of 1 to {MAX_BATCH} token requests", "requests")
    return Issue(tuple(_token_request_or_error(item, request) for item in token_requests), batch=True)


def _token_request_or_error(item: object, request: HttpRequest) -> TokenRequest | ApiError:
    """Parse an item of a batch. An invalid item does not affect the others."""
    if not isinstance(item, dict):
        return ApiError(Code.INVALID_FIELD, "must hold objects, each like the body of v1/token", "requests")
    try:
        return _token_request(item, request)
    except ApiError as api_error:
        return api_error


def _explain(request: HttpRequest) -> Explain:
    return Explain(_token_request(reading.json_object(request), request))


def _inspect(request: HttpRequest) -> Inspect:
    body = reading.described_body(request, _INSPECTION)
    token, channel, product = (reading.text(body, name) for name in ("token", "channel", "product"))
    if token is None:
        raise ApiError(Code.INVALID_FIELD, "is missing", "token")
    users = [user for name in _USERS if (user := reading.text_or_number(body, name)) is not None]
    if len(set(users)) > 1:
        given = " and ".join(name for name in _USERS if name in body)
        raise ApiError(Code.INVALID_FIELD, f"differs from another field of the user: send one of {given}", "user")
    return Inspect(token, channel, users[0] if users else None, product)


def _page(name: str) -> Callable[[HttpRequest], Parsed]:
    return lambda request: Page(name, request.params.get("file", ""))


def error_fields(api_error: ApiError) -> dict[str, object]:
    """Return an error as plain data, for batches, explain and problem documents."""
    fields: dict[str, object] = {"code": api_error.code, "detail": api_error.detail}
    if api_error.retry_after is not None:
        fields["retry_after"] = whole_seconds(api_error.retry_after)
    return fields | field_of(api_error)


def explanation_fields(explanation: Explanation) -> dict[str, object]:
    """Return an explanation as plain data: whether a token would be issued, by which rule, or why not."""
    fields: dict[str, object] = {"issued": explanation.api_error is None, "caller": explanation.caller}
    if explanation.api_error is None:
        fields |= {"rule": explanation.rule_results[-1].rule, "gives": explanation.gives}
        fields |= {"authorizer": _AUTHORIZER} if explanation.authorizer else {}
    else:
        fields |= {"error": error_fields(explanation.api_error)}
    return fields | {
        "kinds": list(explanation.kinds),
        "rule_results": [
            {"rule": rule_result.rule, "unmet": list(rule_result.unmet)} for rule_result in explanation.rule_results
        ],
    }


def _fields(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Issued():
            return token_fields(outcome)
        case Explanation():
            return explanation_fields(outcome)
        case Inspection():
            return outcome.fields()
        case ApiError():
            return {"error": error_fields(outcome)}


def _render_single(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    return as_json(_fields(outcomes[0]))


def _render_batch(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    return as_json({"results": [_fields(outcome) for outcome in outcomes]})


def render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    """Render a problem document (RFC 9457). `type` is about:blank, and `code` identifies the problem."""
    title = api_error.code.replace("_", " ").capitalize()
    body = {"type": "about:blank", "title": title, "status": api_error.status, **error_fields(api_error)}
    return HttpResponse(api_error.status, msgspec.json.encode({**body, "request_id": request_id}), PROBLEM_JSON)


_COMPONENTS: Final = "#/components/schemas/"
_TEXTS: Final = {"type": "array", "items": STRING}
_ERROR: Final = object_of(
    {"code": REASON, "detail": STRING, "retry_after": {"type": "integer", "description": "Seconds"}, "field": STRING},
    *("code", "detail"),
    closed=False,
)
_TOKEN: Final = Description(
    "A token of any kind",
    body={"$ref": f"{_COMPONENTS}TokenRequest"},
    answer={"$ref": f"{_COMPONENTS}Token"},
    remarks="The body has the kind, the fields of that kind, and optionally the lifetime. Renew the token at `renew_at`.",
)
_TOKENS: Final = Description(
    f"Up to {MAX_BATCH} tokens, each of which succeeds or fails by itself",
    body={"$ref": f"{_COMPONENTS}Batch"},
    answer={"$ref": f"{_COMPONENTS}Results"},
    remarks="The answer is 200 and has a result for each request, in order: the token, or `error` with a code.",
)
_RULE_RESULT: Final = object_of({"rule": STRING, "unmet": _TEXTS}, "rule", "unmet")
_EXPLANATION: Final = {
    "issued": False,
    "caller": "web",
    "error": {
        "code": "not_permitted",
        "detail": "the rule of this caller does not permit this: channel does not match; v1/explain shows the rule",
    },
    "kinds": ["rtc", "rtm"],
    "rule_results": [{"rule": "demo.web.rules[0]", "unmet": ['channel "demo-room" does not match "room-*"']}],
}
_ANY_USER: Final = {"type": ["string", "integer"], "description": "The user who would join"}
_EXPLAIN: Final = Description(
    "Which rule would allow a token, or why each rule does not match; nothing is minted",
    body={"$ref": f"{_COMPONENTS}TokenRequest"},
    answer=object_of(
        {
            "issued": {"type": "boolean"},
            "caller": STRING,
            "rule": STRING,
            "gives": {"type": "object"},
            "authorizer": STRING,
            "error": _ERROR,
            "kinds": _TEXTS,
            "rule_results": {"type": "array", "items": _RULE_RESULT},
        },
        *("issued", "caller", "kinds", "rule_results"),
        closed=False,
    )
    | {"examples": [_EXPLANATION]},
    remarks=(
        "The body is that of `v1/token`. `gives` is what the token would give, and `rule` the rule that allows it. "
        "`kinds` are those for which a rule of this caller applies to its claims, whatever the request."
    ),
)
_FINDINGS: Final = {
    "problems": ["It expired 1 hour ago: RTC clients get 109."],
    "notes": [
        "Roles are enforced only if co-host authentication is enabled in the Agora console: otherwise a subscriber can publish.",
        "007 needs RTC SDK 3.5.2 (native), 4.2.0 (Flutter), 4.8.0 (Web), or later: older ones give 110.",
    ],
}
_INSPECTION: Final = Description(
    "What a token gives, who signed it, how long it lasts, why a join would fail",
    body=object_of(
        {
            "token": {"$ref": f"{_COMPONENTS}InspectedToken"},
            "channel": {**STRING, "description": "The channel that a client would join"},
            **dict.fromkeys(_USERS, _ANY_USER),
            "product": {**STRING, "description": "The service that would be used, such as rtc"},
        },
        "token",
    ),
    answer=object_of({"problems": _TEXTS, "notes": _TEXTS}, "problems", "notes", closed=False)
    | {"examples": [_FINDINGS]},
    remarks=(
        "Send the `channel`, `user` and `product` of the join to compare them with the token. `problems` says why a join "
        "would fail, `notes` what else is worth knowing. Other fields give the token's content."
    ),
)
_OPENAPI: Final = Description(
    "The OpenAPI document of this route", answer={"type": "object", "examples": [{"openapi": "3.1.0"}]}
)
_DOCS: Final = Description(
    "The same document as a page, from which requests can be sent if the extra `docs` is installed"
)

DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("POST", "v1/token", _token, _render_single, description=_TOKEN),
        Endpoint("POST", "v1/tokens", _tokens, _render_batch, BATCH_BODY_LIMIT, description=_TOKENS),
        Endpoint("POST", "v1/explain", _explain, _render_single, description=_EXPLAIN, issues=False),
        Endpoint("POST", "v1/inspect", _inspect, _render_single, description=_INSPECTION, issues=False),
        Endpoint("GET", "openapi.json", _page("openapi"), _render_single, description=_OPENAPI),
        Endpoint("GET", "docs", _page("docs"), _render_single, description=_DOCS),
        Endpoint("GET", "docs/{file}", _page("docs"), _render_single, description=None),
        Endpoint("GET", "console", _page("console"), _render_single, description=None),
        Endpoint("GET", "console/{file}", _page("console"), _render_single, description=None),
        Endpoint("GET", "client.js", _page("client.js"), _render_single, description=None),
    ),
    render_error,
    Options=NativeOptions,
    warnings=warnings_about_006(),
)
