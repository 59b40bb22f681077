"""Answers that several servers share: tokens under names, and errors in the fields that clients read."""

from collections.abc import Callable, Mapping, Sequence

import orjson

from tokend.core.errors import Refusal
from tokend.core.model import Issued
from tokend.core.reach import scope
from tokend.dialects.contract import TEXT, Answer, Outcome, Request

Render = Callable[[Request, Sequence[Outcome]], Answer]


def tokens_as(*names: str, **more: object) -> Render:
    """The tokens of the answer under these names, and `more`; the ttl besides, where it was cut short."""

    def render(request: Request, outcomes: Sequence[Outcome]) -> Answer:
        body: dict[str, object] = dict(zip(names, tokens(outcomes), strict=True))
        return Answer(200, orjson.dumps({**body, **more, **cut_short(outcomes)}))

    return render


def token_as_text(request: Request, outcomes: Sequence[Outcome]) -> Answer:
    """The bare token."""
    return Answer(200, tokens(outcomes)[0].encode(), TEXT)


def tokens(outcomes: Sequence[Outcome]) -> list[str]:
    return [one.token for one in outcomes if isinstance(one, Issued)]


def cut_short(outcomes: Sequence[Outcome]) -> Mapping[str, object]:
    """`ttl` where the route cut one short: an answer says so, whatever its shape."""
    cut = [one.grant.ttl for one in outcomes if isinstance(one, Issued) and one.clamped_from is not None]
    return {"ttl": min(cut)} if cut else {}


def refuse(refusal: Refusal, request_id: str) -> Answer:
    """Clients read `error` or `message`; code and field are ours."""
    body = {"error": refusal.detail, "message": refusal.detail, "status": refusal.status, "code": refusal.code}
    return Answer(refusal.status, orjson.dumps(body | field_of(refusal) | {"request_id": request_id}))


def refuse_as_text(refusal: Refusal, request_id: str) -> Answer:
    """For contracts whose answers are plain text."""
    return Answer(refusal.status, f"{refusal.code}: {refusal.detail}".encode(), TEXT)


def field_of(refusal: Refusal) -> dict[str, object]:
    """The field at fault, where there is one."""
    return {"field": refusal.field} if refusal.field else {}


def token_fields(issued: Issued) -> dict[str, object]:
    """All that is told of one token: the ask's own fields and types back, and what was made of them."""
    role = next(iter(sorted(scope(issued.grant).roles)), None)
    answer: dict[str, object] = {
        **issued.ask.fields,
        **issued.filled,
        **issued.extra,
        "token": issued.token,
        "kind": issued.ask.kind,
        "app_id": issued.grant.app_id,
        # a classroom's role is a number of its own, and what was asked for
        "role": issued.ask.fields.get("role") if role is None else role,
        "ttl": issued.grant.ttl,
        "issued_at": issued.issued_at,
        "expires_at": issued.expires_at,
        "renew_at": issued.renew_at,
    }
    if issued.clamped_from is not None:
        answer["ttl_asked"] = issued.clamped_from
    return answer
