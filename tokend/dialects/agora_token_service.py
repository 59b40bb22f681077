"""`agora-token-service`: the Go service's requests and answers, current and older, for its clients unchanged.

What it got wrong is refused here instead: unknown roles, uids out of range, lifetimes over the limits.
"""

from collections.abc import Callable, Sequence
from typing import Final

import orjson

from tokend.dialects import _reading as reading
from tokend.dialects.contract import Answer, Dialect, Endpoint, Issue, Outcome, Request
from tokend.model import Ask, Code, Issued, Refusal

NAME: Final = "agora-token-service"
_GET_TOKEN: Final = ("tokenType", "channel", "role", "uid", "expire")
_EXPIRY: Final = {"ttl": "expiry"}


def _rtc_ask(request: Request) -> Ask:
    """The RTC part of /rtc and /rte. An empty uid means 0, as the original has it."""
    params = request.params
    text = params["rtcuid"] or "0"
    fields: dict[str, object] = {"channel": params["channel"], "role": reading.role(params["role"])}
    match params["tokenType"]:
        case "uid":
            fields["uid"] = reading.uid(text, "rtcuid", request.settings.signed_uid)
        case "userAccount":
            fields["account"] = text
        case _:
            raise Refusal(Code.INVALID_FIELD, "must be uid or userAccount", "tokenType")
    fields["version"] = request.settings.version
    return Ask(
        "rtc", fields, reading.query_seconds(request, "expiry"), {**_EXPIRY, "uid": "rtcuid", "account": "rtcuid"}
    )


def _rtc(request: Request) -> Issue:
    return Issue((_rtc_ask(request),))


def _rtm(request: Request) -> Issue:
    user = request.params["rtmuid"]
    if user in ("", "0"):
        raise Refusal(Code.INVALID_FIELD, "must not be empty or 0", "rtmuid")
    fields = {"user": user, "version": request.settings.version}
    return Issue((Ask("rtm", fields, reading.query_seconds(request, "expiry"), {**_EXPIRY, "user": "rtmuid"}),))


def _rte(request: Request) -> Issue:
    rtc = _rtc_ask(request)
    rtc_user, rtm_user = request.params["rtcuid"], request.params.get("rtmuid", "")
    user = rtm_user or rtc_user
    if user == "" or (user == "0" and rtc_user in ("", "0")):
        raise Refusal(Code.INVALID_FIELD, "must be given where the RTC uid is empty or 0", "rtmuid")
    rtm = Ask(
        "rtm",
        {"user": user, "channel": rtc.fields["channel"], "role": rtc.fields["role"], "version": rtc.fields["version"]},
        rtc.ttl,
        {**_EXPIRY, "user": "rtmuid" if rtm_user else "rtcuid"},
    )
    return Issue((rtc, rtm))


def _chat_app(request: Request) -> Issue:
    return Issue((Ask("chat", {"app": True}, reading.query_seconds(request, "expiry"), _EXPIRY),))


def _chat_account(request: Request) -> Issue:
    names = {**_EXPIRY, "user": "chatid"}
    return Issue((Ask("chat", {"user": request.params["chatid"]}, reading.query_seconds(request, "expiry"), names),))


def _get_token(request: Request) -> Issue:
    body = reading.json_object(request)
    reading.known_only(body, _GET_TOKEN)
    token_type, channel, uid = (reading.text(body, name) for name in ("tokenType", "channel", "uid"))
    role = reading.role(word) if (word := reading.text(body, "role")) else None
    ttl = reading.whole(body, "expire")
    names = {"ttl": "expire", "account": "uid", "user": "uid"}
    fields: dict[str, object] = {}
    match token_type:
        case "rtc":
            if not channel or not uid:
                raise Refusal(Code.INVALID_FIELD, "is missing", "uid" if channel else "channel")
            fields = {"channel": channel, "role": role or "subscriber", "version": request.settings.version}
            if reading.looks_numeric(uid):
                fields["uid"] = reading.uid(uid, "uid", request.settings.signed_uid)
            else:
                fields["account"] = uid
        case "rtm":
            if not uid:
                raise Refusal(Code.INVALID_FIELD, "is missing", "uid")
            fields = {"user": uid, "version": request.settings.version}
            if channel:
                fields |= {"channel": channel} | ({"role": role} if role else {})
        case "chat":
            fields = {"user": uid} if uid else {"app": True}
        case _:
            raise Refusal(Code.INVALID_FIELD, "must be rtc, rtm or chat", "tokenType")
    return Issue((Ask(token_type, fields, ttl, names),))


def _render(*names: str) -> Callable[[Request, Sequence[Outcome]], Answer]:
    """The tokens of the answer under the names that clients read; the ttl besides, where it was cut short."""

    def render(request: Request, outcomes: Sequence[Outcome]) -> Answer:
        issued = [one for one in outcomes if isinstance(one, Issued)]
        body: dict[str, object] = {name: one.token for name, one in zip(names, issued, strict=True)}
        if any(one.clamped_from is not None for one in issued):
            body["ttl"] = min(one.grant.ttl for one in issued)
        return Answer(200, orjson.dumps(body))

    return render


def _refuse(refusal: Refusal, request_id: str) -> Answer:
    """Clients read `error` or `message`; code and field are ours."""
    body: dict[str, object] = {
        "error": refusal.detail,
        "message": refusal.detail,
        "status": refusal.status,
        "code": refusal.code,
        "request_id": request_id,
    }
    if refusal.field:
        body["field"] = refusal.field
    return Answer(refusal.status, orjson.dumps(body))


_USER: Final = "{channel}/{role}/{tokenType}/{rtcuid}"
DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("GET", f"rtc/{_USER}", _rtc, _render("rtcToken")),
        Endpoint("GET", "rtm/{rtmuid}", _rtm, _render("rtmToken")),
        Endpoint("GET", f"rte/{_USER}", _rte, _render("rtcToken", "rtmToken")),
        Endpoint("GET", f"rte/{_USER}/{{rtmuid}}", _rte, _render("rtcToken", "rtmToken")),
        Endpoint("GET", "chat/app", _chat_app, _render("chatToken")),
        Endpoint("GET", "chat/account/{chatid}", _chat_account, _render("chatToken")),
        Endpoint("POST", "getToken", _get_token, _render("token")),
    ),
    _refuse,
)
