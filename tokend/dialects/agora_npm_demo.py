"""`agora-npm-demo`: the API of the demo server in the npm package agora-token.

The role is always publisher, tokens are 006, and their ttl is the default of the route.
"""

from typing import Final

from tokend.core.model import TokenRequest
from tokend.dialects import agora_fields, reading
from tokend.dialects.contract import Dialect, HttpRequest, Issue
from tokend.dialects.describing import CHANNEL, ERROR, UID_TEXT, USER, in_query
from tokend.dialects.rendering import render_error
from tokend.dialects.token_endpoints import token_endpoint


def _rtc(request: HttpRequest) -> Issue:
    uid = agora_fields.uid(reading.query_value(request, "uid") or "0", "uid", request.options.signed_uid)
    channel = reading.query_required(request, "channelName")
    fields = {
        "channel": channel,
        "uid": uid,
        "role": "publisher",
        "version": agora_fields.token_version(request, agora_fields.V006),
    }
    return Issue((TokenRequest("rtc", fields, None, {"channel": "channelName"}),))


def _rtm(request: HttpRequest) -> Issue:
    fields = {
        "user": reading.query_required(request, "account"),
        "version": agora_fields.token_version(request, agora_fields.V006),
    }
    return Issue((TokenRequest("rtm", fields, None, {"user": "account"}),))


_RTC: Final = in_query("An RTC token for a publisher", "channelName", channelName=CHANNEL, uid=UID_TEXT)
_RTM: Final = in_query("A Signaling token for a user", "account", account=USER)

DIALECT: Final = Dialect(
    "agora-npm-demo",
    (
        token_endpoint("GET", "rtcToken", _rtc, _RTC, "key"),
        token_endpoint("GET", "rtmToken", _rtm, _RTM, "key"),
    ),
    render_error,
    Options=agora_fields.AgoraOptions,
    warnings=agora_fields.warnings_about_006(agora_fields.V006),
    kinds=agora_fields.of_kinds("rtc", "rtm"),
    error=ERROR,
)
