"""`agora-docs-sample`: the sample server of the vendor's documentation. Its answers have a `code` of their own."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects import fields as reading
from tokend.dialects.contract import Dialect, Endpoint, HttpRequest, HttpResponse, Issue
from tokend.dialects.rendering import field_of, tokens_as

NAME: Final = "agora-docs-sample"


def _rtc(request: HttpRequest) -> Issue:
    body = reading.json_object(request)
    reading.known_only(body, ("uid", "ChannelName", "channelName", "role"))
    if "ChannelName" in body and "channelName" in body:
        raise ApiError(Code.INVALID_FIELD, "stands beside ChannelName: send one of the two", "channelName")
    name = "channelName" if "channelName" in body else "ChannelName"
    fields = {
        "channel": reading.required(reading.text(body, name), name),
        "uid": reading.uid_number(body, "uid", request.settings.signed_uid),
        "role": reading.numbered_role(body, "role"),
        "version": request.settings.version,
    }
    return Issue((TokenRequest("rtc", fields, None, {"channel": name}),))


def _rtm(request: HttpRequest) -> Issue:
    body = reading.json_object(request)
    reading.known_only(body, ("uid",))
    return Issue(
        (TokenRequest("rtm", {"user": _user(body), "version": request.settings.version}, None, {"user": "uid"}),)
    )


def _user(body: Mapping[str, Any]) -> str:
    """The sample's clients send the RTM user as text or as a number; 0 is nobody."""
    uid = body.get("uid")
    text = str(uid) if isinstance(uid, int) and not isinstance(uid, bool) else reading.text(body, "uid")
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
    return HttpResponse(api_error.status, orjson.dumps(body | field_of(api_error) | {"request_id": request_id}))


DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("POST", "fetch_rtc_token", _rtc, tokens_as("token", code="200")),
        Endpoint("POST", "fetch_rtm_token", _rtm, tokens_as("token", code="200")),
    ),
    _render_error,
)
