"""Paths that several servers share: rtc/{channel}/{role}/{tokenType}/{rtcuid}, rtm/{rtmuid}, rte/…"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from tokend.core.errors import ApiError, Code
from tokend.core.model import NOTHING, TokenRequest
from tokend.dialects import agora_fields
from tokend.dialects import fields as reading
from tokend.dialects.contract import HttpRequest, Issue
from tokend.dialects.describing import CHANNEL, ROLE, USER

USER_PATH: Final = "{channel}/{role}/{tokenType}/{rtcuid}"

PATH: Final = {
    "channel": CHANNEL,
    "role": ROLE,
    "tokenType": {"type": "string", "enum": ["uid", "userAccount"], "description": "What rtcuid is"},
    "rtcuid": {"type": "string", "description": "A uid or an account, as tokenType says", "examples": ["7"]},
    "rtmuid": USER,
}
"""The schemas of the parameters in such paths."""
RTC_SUMMARY: Final = "An RTC token for a channel"
RTM_SUMMARY: Final = "A Signaling token for a user"
RTE_SUMMARY: Final = "An RTC and a Signaling token"


def rtc_request(
    request: HttpRequest, ttl_name: str = "expiry", empty_uid: str | None = None, original: str = agora_fields.V007
) -> TokenRequest:
    """Parse the RTC path. `ttl_name` is the query parameter of the ttl; `empty_uid` replaces an empty uid, if not None.

    `original`: the format of tokens of the original server.
    """
    params = request.params
    text = params["rtcuid"]
    if not text:
        if empty_uid is None:
            raise ApiError(Code.INVALID_FIELD, "must not be empty", "rtcuid")
        text = empty_uid
    fields: dict[str, object] = {"channel": params["channel"], "role": agora_fields.role(params["role"])}
    match params["tokenType"]:
        case "uid":
            fields["uid"] = agora_fields.uid(text, "rtcuid", request.options.signed_uid)
        case "userAccount":
            fields["account"] = text
        case _:
            raise ApiError(Code.INVALID_FIELD, "must be uid or userAccount", "tokenType")
    fields["version"] = agora_fields.token_version(request, original)
    names = {"ttl": ttl_name, "uid": "rtcuid", "account": "rtcuid"}
    return TokenRequest("rtc", fields, reading.query_seconds(request, ttl_name), names)


def rtm_request(
    request: HttpRequest,
    user: str,
    ttl_name: str = "expiry",
    more: Mapping[str, object] = NOTHING,
    original: str = agora_fields.V007,
) -> TokenRequest:
    """Return the RTM request for a user. `more` holds further fields; `original` is as in `rtc_request`."""
    names: Mapping[str, str] = {"ttl": ttl_name, "user": "rtmuid"}
    fields = {"user": user, "version": agora_fields.token_version(request, original), **more}
    return TokenRequest("rtm", fields, reading.query_seconds(request, ttl_name), names)


def both_006(request: HttpRequest, ttl_name: str = "expiry") -> Issue:
    """Parse a request for an RTC and an RTM token of the same user, without a stream channel, as 006 servers do."""
    rtm = rtm_request(request, request.params["rtcuid"], ttl_name, original=agora_fields.V006)
    return Issue(
        (
            rtc_request(request, ttl_name, original=agora_fields.V006),
            replace(rtm, names={**rtm.names, "user": "rtcuid"}),
        )
    )
