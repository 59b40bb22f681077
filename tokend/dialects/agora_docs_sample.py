"""`agora-docs-sample`: the API of the sample server in Agora's documentation. Answers contain a `code`."""

from collections.abc import Mapping
from typing import Any, Final

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects import agora_fields, reading
from tokend.dialects.contract import Dialect, HttpRequest, HttpResponse, Issue
from tokend.dialects.describing import CHANNEL, REASON, ROLE_NUMBER, STRING, TEXT, UID, errors_of, in_body
from tokend.dialects.rendering import error_as_json
from tokend.dialects.token_endpoints import token_endpoint


def _rtc(request: HttpRequest) -> Issue:
    body = reading.described_body(request, _RTC, any_type=True)
    if "ChannelName" in body and "channelName" in body:
        raise ApiError(Code.INVALID_FIELD, "cannot be combined with ChannelName: send one of them", "channelName")
    name = "channelName" if "channelName" in body else "ChannelName"
    fields = {
        "channel": reading.required(reading.text(body, name), name),
        "uid": agora_fields.uid_number(body, request.options.signed_uid),
        "role": agora_fields.role_number(body),
        "version": agora_fields.token_version(request),
    }
    return Issue((TokenRequest("rtc", fields, None, {"channel": name}),))


def _rtm(request: HttpRequest) -> Issue:
    body = reading.described_body(request, _RTM, any_type=True)
    fields = {"user": _user(body), "version": agora_fields.token_version(request)}
    return Issue((TokenRequest("rtm", fields, None, {"user": "uid"}),))


def _user(body: Mapping[str, Any]) -> str:
    """Return the RTM user. Clients of the sample send text or a number; 0 is not a user."""
    text = reading.text_or_number(body, "uid")
    if not text or text == "0":
        raise ApiError(Code.INVALID_FIELD, "must be given and not be 0", "uid")
    return text


def _render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    body = {
        "code": str(api_error.status),
        "message": api_error.detail,
        "error": api_error.detail,
        "reason": api_error.code,
    }
    return error_as_json(body, api_error, request_id)


_RTC: Final = in_body(
    "An RTC token for a channel",
    "uid",
    uid=UID,
    ChannelName=CHANNEL,
    channelName={**TEXT, "description": "The same as ChannelName; send one of them"},
    role=ROLE_NUMBER,
)
_RTM: Final = in_body(
    "A Signaling token for a user",
    "uid",
    uid={"type": ["string", "integer"], "description": "Id of the user, not 0", "examples": ["ann"]},
)

DIALECT: Final = Dialect(
    "agora-docs-sample",
    (
        token_endpoint("POST", "fetch_rtc_token", _rtc, _RTC, "token", code="200"),
        token_endpoint("POST", "fetch_rtm_token", _rtm, _RTM, "token", code="200"),
    ),
    _render_error,
    Options=agora_fields.AgoraOptions,
    error=errors_of(
        {"code": STRING, "message": STRING, "error": STRING, "reason": REASON}, "code", "message", "error", "reason"
    ),
    warnings=agora_fields.warnings_about_006(),
    kinds=agora_fields.of_kinds("rtc", "rtm"),
)
