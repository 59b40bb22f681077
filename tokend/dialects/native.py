"""`native`: our own API. Tokens, batches, explain, inspect and the documents; errors are problem+json (RFC 9457)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from tokend.core.errors import Code, Refusal, whole_seconds
from tokend.core.model import Ask, Issued
from tokend.dialects import fields as reading
from tokend.dialects.contract import (
    Answer,
    Dialect,
    Endpoint,
    Explain,
    Explanation,
    Inspect,
    Inspection,
    Issue,
    Outcome,
    Page,
    Parsed,
    Request,
)
from tokend.dialects.rendering import token_fields

NAME: Final = "native"
PROBLEM_JSON: Final = "application/problem+json"
MAX_BATCH: Final = 100
BATCH_BODY_LIMIT: Final = 64 * 1024
_INSPECT: Final = ("token", "channel", "user", "product")
_AUTHORIZER: Final = "is asked before a token is issued, and may refuse or narrow it; explain does not ask it"


def _ask(body: Mapping[str, Any], settings_version: str) -> Ask:
    kind = reading.text(body, "kind")
    if kind is None:
        raise Refusal(Code.INVALID_FIELD, "is missing", "kind")
    fields = {name: value for name, value in body.items() if name not in ("kind", "ttl")}
    if fields.get("version") == "006" and settings_version != "006":
        raise Refusal(Code.INVALID_FIELD, "may not be 006: no route here says token_version 006", "version")
    return Ask(kind, fields, reading.whole(body, "ttl"))


def _token(request: Request) -> Issue:
    return Issue((_ask(reading.json_object(request), request.settings.version),))


def _tokens(request: Request) -> Issue:
    body = reading.json_object(request)
    reading.known_only(body, ("asks",))
    asks = body.get("asks")
    if not isinstance(asks, list) or not 1 <= len(asks) <= MAX_BATCH:
        raise Refusal(Code.INVALID_FIELD, f"must be a list of 1 to {MAX_BATCH} asks", "asks")
    return Issue(tuple(_ask_or_refusal(one, request.settings.version) for one in asks), batch=True)


def _ask_or_refusal(one: object, settings_version: str) -> Ask | Refusal:
    """In a batch each ask stands or falls by itself."""
    if not isinstance(one, dict):
        return Refusal(Code.INVALID_FIELD, "must hold objects, each like the body of v1/token", "asks")
    try:
        return _ask(one, settings_version)
    except Refusal as refusal:
        return refusal


def _explain(request: Request) -> Explain:
    return Explain(_ask(reading.json_object(request), request.settings.version))


def _inspect(request: Request) -> Inspect:
    body = reading.json_object(request)
    reading.known_only(body, _INSPECT)
    token, channel, user, product = (reading.text(body, name) for name in _INSPECT)
    if token is None:
        raise Refusal(Code.INVALID_FIELD, "is missing", "token")
    return Inspect(token, channel, user, product)


def _page(name: str) -> Callable[[Request], Parsed]:
    return lambda request: Page(name)


def refusal_fields(refusal: Refusal) -> dict[str, object]:
    """What a refusal says, for a batch's `error`, explain, and as part of a problem."""
    fields: dict[str, object] = {"code": refusal.code, "detail": refusal.detail}
    if refusal.retry_after is not None:
        fields["retry_after"] = whole_seconds(refusal.retry_after)
    return fields | ({"field": refusal.field} if refusal.field else {})


def explanation_fields(one: Explanation) -> dict[str, object]:
    """What explain says: whether, for whom, by which rule, and what each rule lacked."""
    fields: dict[str, object] = {"issued": one.refusal is None, "caller": one.caller}
    if one.refusal is None:
        fields |= {"rule": one.trials[-1].rule, "gives": one.gives}
        fields |= {"authorizer": _AUTHORIZER} if one.authorizer else {}
    else:
        fields |= {"refusal": refusal_fields(one.refusal)}
    return fields | {"trials": [{"rule": trial.rule, "lacked": list(trial.lacked)} for trial in one.trials]}


def _fields(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Issued():
            return token_fields(outcome)
        case Explanation():
            return explanation_fields(outcome)
        case Inspection():
            return outcome.fields()
        case Refusal():
            return {"error": refusal_fields(outcome)}


def _render_one(request: Request, outcomes: Sequence[Outcome]) -> Answer:
    return _answer(_fields(outcomes[0]))


def _render_batch(request: Request, outcomes: Sequence[Outcome]) -> Answer:
    return _answer({"results": [_fields(one) for one in outcomes]})


def _answer(fields: Mapping[str, object]) -> Answer:
    """Numbers stand as keys in what a token of other kinds says (RTM's permissions): they become text."""
    return Answer(200, orjson.dumps(fields, option=orjson.OPT_NON_STR_KEYS))


def refuse(refusal: Refusal, request_id: str) -> Answer:
    """A problem document. `type` is about:blank: the code says which problem it is."""
    title = refusal.code.replace("_", " ").capitalize()
    body = {"type": "about:blank", "title": title, "status": refusal.status, **refusal_fields(refusal)}
    return Answer(refusal.status, orjson.dumps({**body, "request_id": request_id}), PROBLEM_JSON)


DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("POST", "v1/token", _token, _render_one),
        Endpoint("POST", "v1/tokens", _tokens, _render_batch, BATCH_BODY_LIMIT),
        Endpoint("POST", "v1/explain", _explain, _render_one),
        Endpoint("POST", "v1/inspect", _inspect, _render_one),
        Endpoint("GET", "openapi.json", _page("openapi"), _render_one),
        Endpoint("GET", "docs", _page("docs"), _render_one),
    ),
    refuse,
)
