"""Responses that several dialects share: tokens, and errors in the fields that clients read."""

from collections.abc import Callable, Mapping, Sequence

import msgspec.json

from tokend.core.errors import ApiError
from tokend.core.model import Issued
from tokend.dialects.contract import TEXT, HttpRequest, HttpResponse, Outcome

Render = Callable[[HttpRequest, Sequence[Outcome]], HttpResponse]


def as_json(fields: Mapping[str, object], status: int = 200) -> HttpResponse:
    """Render plain data as JSON."""
    return HttpResponse(status, msgspec.json.encode(fields))


def tokens_as(*names: str, **more: object) -> Render:
    """Return a function that renders the tokens under these names, and `more`, and the ttl if it was shortened."""

    def render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
        body: dict[str, object] = dict(zip(names, tokens(outcomes), strict=True))
        return as_json({**body, **more, **clamped_ttl(outcomes)})

    return render


def token_as_text(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    """Render the token as plain text."""
    return HttpResponse(200, tokens(outcomes)[0].encode(), TEXT)


def tokens(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the tokens that were issued, in order."""
    return [outcome.token for outcome in outcomes if isinstance(outcome, Issued)]


def only_issued(outcomes: Sequence[Outcome]) -> Issued:
    """Return the one token that was issued."""
    (issued,) = (outcome for outcome in outcomes if isinstance(outcome, Issued))
    return issued


def clamped_ttl(outcomes: Sequence[Outcome]) -> Mapping[str, object]:
    """Return `ttl` (seconds) as a field if the route shortened one, so that every dialect reports it."""
    clamped = [
        issued.grant.ttl for issued in outcomes if isinstance(issued, Issued) and issued.clamped_from is not None
    ]
    return {"ttl": min(clamped)} if clamped else {}


def render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    """Render an error as JSON. Clients of other servers read `error` or `message`; `code` and `field` are tokend's."""
    body = {"error": api_error.detail, "message": api_error.detail, "status": api_error.status, "code": api_error.code}
    return error_as_json(body, api_error, request_id)


def error_as_json(body: Mapping[str, object], api_error: ApiError, request_id: str) -> HttpResponse:
    """Render an error as these fields of its own API, and what tokend adds to each: its field and the request's id."""
    return as_json({**body, **field_of(api_error), "request_id": request_id}, api_error.status)


def render_error_as_text(api_error: ApiError, request_id: str) -> HttpResponse:
    """Render an error as plain text."""
    return HttpResponse(api_error.status, f"{api_error.code}: {api_error.detail}".encode(), TEXT)


def field_of(api_error: ApiError) -> dict[str, object]:
    """Return the field that caused the error, if there is one."""
    return {"field": api_error.field} if api_error.field else {}


def token_fields(issued: Issued) -> dict[str, object]:
    """Return an issued token as plain data: the fields of the request, and the token with its role and times."""
    said = {**issued.token_request.fields, **issued.filled}
    answer: dict[str, object] = {
        **said,
        **issued.extra,
        "token": issued.token,
        "kind": issued.token_request.kind,
        **({} if issued.grant.app_id is None else {"app_id": issued.grant.app_id}),
        # the role of the request or the rule, in the words of the kind, comes before that of the privileges
        **({} if issued.role is None or said.get("role") is not None else {"role": issued.role}),
        "ttl": None if issued.expires_at is None else issued.grant.ttl,
        "issued_at": issued.issued_at,
        "expires_at": issued.expires_at,
        "renew_at": issued.renew_at,
    }
    if issued.clamped_from is not None:
        answer["ttl_asked"] = issued.clamped_from
    return answer
