"""`agora-docs-sample`: the sample server of the vendor's documentation. Its answers have a `code` of their own."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tokend.core.errors import Code, Refusal
from tokend.core.model import Ask
from tokend.dialects import fields as reading
from tokend.dialects.contract import Answer, Dialect, Endpoint, Issue, Request
from tokend.dialects.rendering import field_of, tokens_as

NAME: Final = "agora-docs-sample"


def _rtc(request: Request) -> Issue:
    body = reading.json_object(request)
    reading.known_only(body, ("uid", "ChannelName", "channelName", "role"))
    if "ChannelName" in body and "channelName" in body:
        raise Refusal(Code.INVALID_FIELD, "stands beside ChannelName: send one of the two", "channelName")
    name = "channelName" if "channelName" in body else "ChannelName"
    fields = {
        "channel": reading.required(reading.text(body, name), name),
        "uid": reading.uid_number(body, "uid", request.settings.signed_uid),
        "role": reading.numbered_role(body, "role"),
        "version": request.settings.version,
    }
    return Issue((Ask("rtc", fields, None, {"channel": name}),))


def _rtm(request: Request) -> Issue:
    body = reading.json_object(request)
    reading.known_only(body, ("uid",))
    return Issue((Ask("rtm", {"user": _user(body), "version": request.settings.version}, None, {"user": "uid"}),))


def _user(body: Mapping[str, Any]) -> str:
    """The sample's clients send the RTM user as text or as a number; 0 is nobody."""
    uid = body.get("uid")
    text = str(uid) if isinstance(uid, int) and not isinstance(uid, bool) else reading.text(body, "uid")
    if not text or text == "0":
        raise Refusal(Code.INVALID_FIELD, "must be given and not be 0", "uid")
    return text


def _refuse(refusal: Refusal, request_id: str) -> Answer:
    body = {"code": str(refusal.status), "message": refusal.detail, "error": refusal.detail, "reason": refusal.code}
    return Answer(refusal.status, orjson.dumps(body | field_of(refusal) | {"request_id": request_id}))


DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("POST", "fetch_rtc_token", _rtc, tokens_as("token", code="200")),
        Endpoint("POST", "fetch_rtm_token", _rtm, tokens_as("token", code="200")),
    ),
    _refuse,
)
