"""The path form that several servers share: rtc/{channel}/{role}/{tokenType}/{rtcuid}, rtm/{rtmuid}, rte/…"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from tokend.core.errors import Code, Refusal
from tokend.core.model import NOTHING, Ask
from tokend.dialects import fields as reading
from tokend.dialects.contract import Issue, Request

USER_PATH: Final = "{channel}/{role}/{tokenType}/{rtcuid}"


def rtc_ask(request: Request, ttl_name: str = "expiry", empty_uid: str | None = None) -> Ask:
    """The RTC ask of such a path. `ttl_name`: the query parameter; `empty_uid`: what an empty uid stands for, if it may."""
    params = request.params
    text = params["rtcuid"]
    if not text:
        if empty_uid is None:
            raise Refusal(Code.INVALID_FIELD, "must not be empty", "rtcuid")
        text = empty_uid
    fields: dict[str, object] = {"channel": params["channel"], "role": reading.role(params["role"])}
    match params["tokenType"]:
        case "uid":
            fields["uid"] = reading.uid(text, "rtcuid", request.settings.signed_uid)
        case "userAccount":
            fields["account"] = text
        case _:
            raise Refusal(Code.INVALID_FIELD, "must be uid or userAccount", "tokenType")
    fields["version"] = request.settings.version
    names = {"ttl": ttl_name, "uid": "rtcuid", "account": "rtcuid"}
    return Ask("rtc", fields, reading.query_seconds(request, ttl_name), names)


def rtm_ask(request: Request, user: str, ttl_name: str = "expiry", more: Mapping[str, object] = NOTHING) -> Ask:
    """An RTM ask for a user of the path. `more`: further fields."""
    names: Mapping[str, str] = {"ttl": ttl_name, "user": "rtmuid"}
    fields = {"user": user, "version": request.settings.version, **more}
    return Ask("rtm", fields, reading.query_seconds(request, ttl_name), names)


def both(request: Request, ttl_name: str = "expiry") -> Issue:
    """An RTC and an RTM token for one user of the path, without a stream channel: what 006 servers issue."""
    rtm = rtm_ask(request, request.params["rtcuid"], ttl_name)
    return Issue((rtc_ask(request, ttl_name), replace(rtm, names={**rtm.names, "user": "rtcuid"})))
