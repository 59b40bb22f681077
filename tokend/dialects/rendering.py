"""Answers that several servers share: tokens under names, and errors in the fields that clients read."""

from collections.abc import Callable, Mapping, Sequence

import orjson

from tokend.core.errors import ApiError
from tokend.core.model import Issued
from tokend.core.reach import reach_of
from tokend.dialects.contract import TEXT, HttpRequest, HttpResponse, Outcome

Render = Callable[[HttpRequest, Sequence[Outcome]], HttpResponse]


def tokens_as(*names: str, **more: object) -> Render:
    """The tokens of the answer under these names, and `more`; the ttl besides, where it was cut short."""

    def render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
        body: dict[str, object] = dict(zip(names, tokens(outcomes), strict=True))
        return HttpResponse(200, orjson.dumps({**body, **more, **cut_short(outcomes)}))

    return render


def token_as_text(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    """The bare token."""
    return HttpResponse(200, tokens(outcomes)[0].encode(), TEXT)


def tokens(outcomes: Sequence[Outcome]) -> list[str]:
    return [one.token for one in outcomes if isinstance(one, Issued)]


def cut_short(outcomes: Sequence[Outcome]) -> Mapping[str, object]:
    """`ttl` where the route cut one short: an answer says so, whatever its shape."""
    cut = [one.grant.ttl for one in outcomes if isinstance(one, Issued) and one.clamped_from is not None]
    return {"ttl": min(cut)} if cut else {}


def render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    """Clients read `error` or `message`; code and field are ours."""
    body = {"error": api_error.detail, "message": api_error.detail, "status": api_error.status, "code": api_error.code}
    return HttpResponse(api_error.status, orjson.dumps(body | field_of(api_error) | {"request_id": request_id}))


def render_error_as_text(api_error: ApiError, request_id: str) -> HttpResponse:
    """For contracts whose answers are plain text."""
    return HttpResponse(api_error.status, f"{api_error.code}: {api_error.detail}".encode(), TEXT)


def field_of(api_error: ApiError) -> dict[str, object]:
    """The field at fault, where there is one."""
    return {"field": api_error.field} if api_error.field else {}


def token_fields(issued: Issued) -> dict[str, object]:
    """All that is told of one token: the ask's own fields and types back, and what was made of them."""
    role = next(iter(sorted(reach_of(issued.grant).roles)), None)
    answer: dict[str, object] = {
        **issued.token_request.fields,
        **issued.filled,
        **issued.extra,
        "token": issued.token,
        "kind": issued.token_request.kind,
        "app_id": issued.grant.app_id,
        # a classroom's role is a number of its own, and what was asked for
        "role": issued.token_request.fields.get("role") if role is None else role,
        "ttl": issued.grant.ttl,
        "issued_at": issued.issued_at,
        "expires_at": issued.expires_at,
        "renew_at": issued.renew_at,
    }
    if issued.clamped_from is not None:
        answer["ttl_asked"] = issued.clamped_from
    return answer
