"""`agora-token-service`: the API of AgoraIO-Community/agora-token-service, current and older versions.

Where that server guesses, this dialect returns 400: unknown roles, uids out of range, lifetimes over the limits.
"""

from typing import Final

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects import agora_fields, reading
from tokend.dialects.contract import Description, Dialect, HttpRequest, Issue
from tokend.dialects.describing import ERROR, TTL, USER
from tokend.dialects.get_token import DESCRIPTION as GET_TOKEN
from tokend.dialects.get_token import get_token
from tokend.dialects.rendering import render_error
from tokend.dialects.rtc_paths import PING, rtc_endpoint, rtc_request, rte_endpoint, rtm_endpoint, rtm_request
from tokend.dialects.token_endpoints import token_endpoint

_EXPIRY: Final = {"ttl": "expiry"}


def _rtc(request: HttpRequest) -> Issue:
    return Issue((rtc_request(request, empty_uid="0"),))


def _rtm(request: HttpRequest) -> Issue:
    user = request.params["rtmuid"]
    if user in ("", "0"):
        raise ApiError(Code.INVALID_FIELD, "must not be empty or 0", "rtmuid")
    return Issue((rtm_request(request, user),))


def _rte(request: HttpRequest) -> Issue:
    """Parse a request for both tokens. The RTM token also joins the stream channel, except in format 006."""
    rtc = rtc_request(request, empty_uid="0")
    rtc_user, rtm_user = request.params["rtcuid"], request.params.get("rtmuid", "")
    user = rtm_user or rtc_user
    if user == "" or (user == "0" and rtc_user in ("", "0")):
        raise ApiError(Code.INVALID_FIELD, "must be given where the RTC uid is empty or 0", "rtmuid")
    version = agora_fields.token_version(request)
    stream = {} if version == agora_fields.V006 else {name: rtc.fields[name] for name in ("channel", "role")}
    return Issue((rtc, rtm_request(request, user, user_name="rtmuid" if rtm_user else "rtcuid", more=stream)))


def _chat_app(request: HttpRequest) -> Issue:
    return Issue((TokenRequest("chat", {"app": True}, reading.query_seconds(request, "expiry"), _EXPIRY),))


def _chat_account(request: HttpRequest) -> Issue:
    fields, ttl = {"user": request.params["chatid"]}, reading.query_seconds(request, "expiry")
    return Issue((TokenRequest("chat", fields, ttl, {**_EXPIRY, "user": "chatid"}),))


_QUERY: Final = {"expiry": TTL}
_RTE_REMARKS: Final = (
    "The Signaling token is for rtmuid if the path has it, else for rtcuid. It also joins the stream channel."
)
_CHAT_APP_DESCRIPTION: Final = Description(
    "A Chat token for the REST API: an administrator's, which needs a capability",
    query=_QUERY,
)
_CHAT_DESCRIPTION: Final = Description("A Chat token for a user", {"chatid": USER}, _QUERY)

DIALECT: Final = Dialect(
    "agora-token-service",
    (
        rtc_endpoint(_rtc, _QUERY),
        rtm_endpoint(_rtm, _QUERY),
        rte_endpoint(_rte, _QUERY, remarks=_RTE_REMARKS),
        rte_endpoint(_rte, _QUERY, "/{rtmuid}", _RTE_REMARKS),
        token_endpoint("GET", "chat/app", _chat_app, _CHAT_APP_DESCRIPTION, "chatToken"),
        token_endpoint("GET", "chat/account/{chatid}", _chat_account, _CHAT_DESCRIPTION, "chatToken"),
        token_endpoint("POST", "getToken", get_token, GET_TOKEN, "token"),
        PING,
    ),
    render_error,
    Options=agora_fields.AgoraOptions,
    warnings=agora_fields.warnings_about_006(),
    kinds=agora_fields.of_kinds("rtc", "rtm", "chat"),
    error=ERROR,
)
