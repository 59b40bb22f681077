"""POST /getToken of the Go service, which other servers have under other names: one JSON body for rtc, rtm and chat."""

from typing import Final

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects import fields as reading
from tokend.dialects.contract import HttpRequest, Issue

_FIELDS: Final = ("tokenType", "channel", "role", "uid", "expire")
_NAMES: Final = {"ttl": "expire", "account": "uid", "user": "uid"}


def get_token(request: HttpRequest) -> Issue:
    """rtc needs channel and uid; rtm a uid, and a channel adds the stream channel; chat without a uid is the app token."""
    body = reading.json_object(request)
    reading.known_only(body, _FIELDS)
    token_type, channel, uid = (reading.text(body, name) for name in ("tokenType", "channel", "uid"))
    role = reading.role(word) if (word := reading.text(body, "role")) else None
    version = request.settings.version
    fields: dict[str, object]
    match token_type:
        case "rtc":
            fields = {"channel": reading.required(channel, "channel"), "role": role or "subscriber", "version": version}
            fields |= _rtc_user(reading.required(uid, "uid"), request.settings.signed_uid)
        case "rtm":
            fields = {"user": reading.required(uid, "uid"), "version": version}
            if channel:
                fields |= {"channel": channel} | ({"role": role} if role else {})
        case "chat":
            fields = {"user": uid} if uid else {"app": True}
        case _:
            raise ApiError(Code.INVALID_FIELD, "must be rtc, rtm or chat", "tokenType")
    return Issue((TokenRequest(token_type, fields, reading.whole(body, "expire"), _NAMES),))


def _rtc_user(uid: str, signed: bool) -> dict[str, object]:
    """Digits, signed or not, are meant as a number and must be a valid one; anything else is an account."""
    if reading.looks_numeric(uid):
        return {"uid": reading.uid(uid, "uid", signed)}
    return {"account": uid}
