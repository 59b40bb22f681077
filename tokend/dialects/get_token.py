"""POST /getToken: a JSON body for rtc, rtm and chat, as in AgoraIO-Community/agora-token-service and other servers."""

from typing import Final

from msgspec.structs import replace

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects import agora_fields, reading
from tokend.dialects.contract import HttpRequest, Issue
from tokend.dialects.describing import CHANNEL, ROLE, STRING, TTL, in_body

DESCRIPTION: Final = replace(
    in_body(
        "A token for RTC, Signaling or Chat",
        "tokenType",
        tokenType={"type": "string", "enum": ["rtc", "rtm", "chat"], "description": "rtm is Signaling"},
        channel={**CHANNEL, "description": "The channel of RTC; for rtm, a stream channel that the token joins too"},
        role={**ROLE, "description": f"{ROLE['description']}. Default in RTC: subscriber"},
        uid={**STRING, "description": "Id of the user. chat without it is an administrator's token, a capability"},
        expire=TTL,
    ),
    examples={
        "RTC": {"tokenType": "rtc", "channel": "demo-room", "role": "publisher", "uid": "7"},
        "Signaling": {"tokenType": "rtm", "uid": "ann"},
        "Chat": {"tokenType": "chat", "uid": "ann"},
    },
)
_NAMES: Final = {"ttl": "expire", "account": "uid", "user": "uid", "kind": "tokenType"}


def get_token(request: HttpRequest) -> Issue:
    """Parse the body, JSON whatever its content type: the original decodes it without looking at the type.

    rtc needs channel and uid. rtm needs uid, and joins a stream channel if there is a channel. chat without uid gives
    the app token. Unlike on the original, null is an error: a user left out by mistake would be an administrator of Chat.
    """
    body = reading.described_body(request, DESCRIPTION, any_type=True)
    token_type, channel, uid = (reading.text(body, name) for name in ("tokenType", "channel", "uid"))
    role = agora_fields.role(word) if (word := reading.text(body, "role")) else None
    version = agora_fields.token_version(request)
    fields: dict[str, object]
    match token_type:
        case "rtc":
            fields = {"channel": reading.required(channel, "channel"), "role": role or "subscriber", "version": version}
            fields |= agora_fields.rtc_user(reading.required(uid, "uid"), request.options.signed_uid)
        case "rtm":
            fields = {"user": reading.required(uid, "uid"), "version": version}
            if channel:
                fields |= {"channel": channel} | ({"role": role} if role else {})
        case "chat":
            fields = {"user": uid} if uid else {"app": True}
        case _:
            raise ApiError(Code.INVALID_FIELD, "must be rtc, rtm or chat", "tokenType")
    return Issue((TokenRequest(token_type, fields, reading.seconds(body, "expire"), _NAMES),))
