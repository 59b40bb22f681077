"""`agora-samples`: the RTC and RTM requests of Agora's sample applications and guides."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from tokend.core.errors import ApiError, Code
from tokend.core.model import Issued, TokenRequest
from tokend.dialects import agora_fields, reading
from tokend.dialects.contract import Dialect, Endpoint, HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.describing import (
    CHANNEL,
    ERROR,
    ROLE,
    STRING,
    TEXT,
    TTL,
    UID,
    UID_TEXT,
    UNIX_SECONDS,
    answer_of,
    in_body,
    in_query,
    object_of,
)
from tokend.dialects.get_token import DESCRIPTION as GET_TOKEN
from tokend.dialects.get_token import get_token
from tokend.dialects.rendering import as_json, clamped_ttl, render_error, tokens
from tokend.dialects.token_endpoints import text_endpoint, token_endpoint

_NAMES: Final = {
    "ttl": "expire",
    "channel": "channelName",
    **dict.fromkeys(("account", "user", "rtm_user"), "uid"),
    "app_id": "appId",
}
_RTC, _RTM = 1, 2
_TOO_FAR: Final = 1_000_000_000
"""Seconds. A time further away is not in Unix seconds."""


def _generate_v1(request: HttpRequest) -> Issue:
    """Parse a request with one `type`: 1 is RTC, 2 is RTM."""
    body = reading.described_body(request, _GENERATE_V1)
    return Issue((_generate_token_request(body, {reading.integer(body, "type")}, "type", request),))


def _generate_v2(request: HttpRequest) -> Issue:
    """Parse a request with several `types`: [1, 2] is a token for both. The pages that send it have a number as uid."""
    body = reading.described_body(request, _GENERATE_V2)
    if type(body.get("uid")) is int:
        body["uid"] = str(body["uid"])
    types = body.get("types")
    if not isinstance(types, list) or not types or not all(type(number) is int for number in types):
        raise ApiError(Code.INVALID_FIELD, "must be a list of 1 (RTC) and 2 (RTM)", "types")
    return Issue((_generate_token_request(body, set(types), "types", request),))


def _generate_token_request(body: Mapping[str, Any], types: set[int], name: str, request: HttpRequest) -> TokenRequest:
    """Return what is requested. `name` is that of the types. The certificate, which these clients send, is not read."""
    app_id = reading.required(reading.text(body, "appId"), "appId")
    ttl = reading.seconds(body, "expire")
    uid = reading.required(reading.text(body, "uid"), "uid")
    if types == {_RTM}:
        fields: dict[str, object] = {"user": uid, "version": agora_fields.token_version(request)}
        return TokenRequest("rtm", fields, ttl, _NAMES, app_id)
    if not types <= {_RTC, _RTM}:
        raise ApiError(Code.INVALID_FIELD, "must be 1 (RTC) or 2 (RTM)", name)
    channel = reading.required(reading.text(body, "channelName"), "channelName")
    user = agora_fields.rtc_user(uid, request.options.signed_uid)
    fields = {"channel": channel, "role": "publisher", **user}
    if types == {_RTC, _RTM}:
        if fields.get("uid") == 0:
            raise ApiError(Code.INVALID_FIELD, "must not be 0: RTM needs one user", "uid")
        return TokenRequest("rtc_rtm", fields, ttl, _NAMES, app_id)
    return TokenRequest("rtc", {**fields, "version": agora_fields.token_version(request)}, ttl, _NAMES, app_id)


def _generated(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    return as_json({"code": 0, "data": {"token": tokens(outcomes)[0], **clamped_ttl(outcomes)}})


def _access_token(request: HttpRequest) -> Issue:
    """Parse a request of the older Node servers, whose tokens join and publish only if the role is publisher.

    `channel` and `expiredTs`, a Unix time, are of one server; `channelName` and `expireTime`, in seconds, of the other.
    """
    channel = _which(request, "channel", "channelName")
    role = reading.query_value(request, "role")
    fields = {
        "channel": reading.query_required(request, channel),
        "uid": agora_fields.uid(reading.query_value(request, "uid") or "0", "uid", request.options.signed_uid),
        "role": agora_fields.role(role) if role else "subscriber",
        "version": agora_fields.token_version(request, agora_fields.V006),
    }
    lifetime = _which(request, "expiredTs", "expireTime")
    seconds = reading.query_seconds(reading.without_empty(request, lifetime), lifetime)
    if seconds is not None and lifetime == "expiredTs":
        seconds -= request.now
        if not 0 < seconds < _TOO_FAR:
            raise ApiError(Code.TTL_OUT_OF_RANGE, "must be a point in time to come, in Unix seconds", lifetime)
    return Issue((TokenRequest("rtc", fields, seconds, {"channel": channel, "ttl": lifetime}),))


def _which(request: HttpRequest, name: str, other: str) -> str:
    """Return which of two query parameters the request has; the first if it has none. Raises `ApiError` for both."""
    if reading.query_value(request, other) is None:
        return name
    if reading.query_value(request, name) is not None:
        raise ApiError(Code.INVALID_FIELD, f"cannot be combined with {name}", other)
    return other


def _flask(request: HttpRequest) -> Issue:
    """Parse a request of the Flask server. It has no user, so the token is for any user, which needs a capability."""
    channel = reading.query_required(request, "channel_name")
    fields = {"channel": channel, "uid": 0, "role": "publisher", "version": agora_fields.token_version(request)}
    return Issue((TokenRequest("rtc", fields, None, {"channel": "channel_name"}),))


def _conversation(request: HttpRequest) -> Issue:
    """Parse a request of the Conversational AI guide: RTC and RTM for the same numeric user."""
    body = reading.described_body(request, _CONVERSATION)
    channel = reading.required(reading.text(body, "channel"), "channel")
    uid = agora_fields.uid_number(body, request.options.signed_uid)
    if uid == 0:
        raise ApiError(Code.INVALID_FIELD, "must not be 0: RTM needs one user", "uid")
    version = agora_fields.token_version(request)
    rtc = TokenRequest("rtc", {"channel": channel, "uid": uid, "role": "publisher", "version": version})
    return Issue((rtc, TokenRequest("rtm", {"user": str(uid), "version": version}, None, {"user": "uid"})))


def _conversation_answer(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    ends = (issued.expires_at for issued in outcomes if isinstance(issued, Issued))
    until = min(end for end in ends if end is not None)
    rtc, rtm = tokens(outcomes)
    return as_json({"rtcToken": rtc, "rtmToken": rtm, "expireAt": until, **clamped_ttl(outcomes)})


_TYPE: Final = {"type": "integer", "enum": [_RTC, _RTM], "description": "1 is RTC, 2 is RTM"}
_GENERATED: Final = object_of({"code": {"const": 0}, "data": answer_of("token")}, "code", "data", closed=False)
_USER: Final = "A uid in digits, or an account; the user of Signaling"
_SHARED: Final[Mapping[str, Mapping[str, Any]]] = {
    "appId": {**TEXT, "description": "App ID of the app; any other is 403", "examples": ["YOUR-APP-ID"]},
    "appCertificate": {
        **STRING,
        "description": "Not looked at. Do not send it: a certificate belongs on servers alone",
    },
    "channelName": {**CHANNEL, "description": "Name of the channel; RTC needs it"},
    "expire": TTL,
    "src": {"description": "Not looked at"},
    "ts": {"description": "Not looked at"},
    "uid": {**TEXT, "description": _USER, "examples": ["7"]},
}
_GENERATE_V1: Final = in_body(
    "An RTC or a Signaling token, as the API examples request it",
    *("type", "appId", "uid"),
    answer=_GENERATED,
    type=_TYPE,
    **_SHARED,
)
_GENERATE_V2: Final = in_body(
    "A token for RTC, Signaling or both, as the API examples request it",
    *("types", "appId", "uid"),
    answer=_GENERATED,
    types={"type": "array", "items": _TYPE, "minItems": 1, "examples": [[_RTC, _RTM]]},
    **{**_SHARED, "uid": {**_SHARED["uid"], "type": ["string", "integer"], "description": f"{_USER}. May be a number"}},
)
_CONVERSATION: Final = in_body(
    "An RTC and a Signaling token, as the guide to Conversational AI requests them",
    *("channel", "uid"),
    answer=answer_of("rtcToken", "rtmToken", expireAt=UNIX_SECONDS),
    channel=CHANNEL,
    uid={**UID, "minimum": 1, "description": "Numeric id of the user, in both tokens"},
)

_ACCESS_TOKEN: Final = in_query(
    "An RTC token, as the older Node servers answer",
    channel=CHANNEL,
    channelName={**TEXT, "description": "The same as channel; send one of them"},
    uid=UID_TEXT,
    role={**ROLE, "description": f"{ROLE['description']}. Default: subscriber"},
    expiredTs={**UNIX_SECONDS, "description": "When the token shall expire, in Unix seconds"},
    expireTime={**TTL, "description": "Seconds, in place of expiredTs"},
)
_FLASK: Final = replace(
    in_query("An RTC token as text, as the Flask server answers", "channel_name", channel_name=CHANNEL),
    remarks="The request has no user, so the token is for any user of the channel, which needs a capability.",
)

DIALECT: Final = Dialect(
    "agora-samples",
    (
        token_endpoint("POST", "fetchToken", get_token, GET_TOKEN, "token"),
        token_endpoint("POST", "token/getNew", get_token, GET_TOKEN, "token"),
        Endpoint("POST", "v1/token/generate", _generate_v1, _generated, description=_GENERATE_V1),
        Endpoint("POST", "v2/token/generate", _generate_v2, _generated, description=_GENERATE_V2),
        token_endpoint("GET", "access_token", _access_token, _ACCESS_TOKEN, "token"),
        text_endpoint("GET", "v1/token", _flask, _FLASK),
        Endpoint("POST", "api/token", _conversation, _conversation_answer, description=_CONVERSATION),
    ),
    render_error,
    Options=agora_fields.AgoraOptions,
    warnings=agora_fields.warnings_about_006(agora_fields.V006),
    kinds=agora_fields.of_kinds("rtc", "rtm", "rtc_rtm", "chat"),
    error=ERROR,
)
