"""`agora-npm-demo`: the API of the demo server in the npm package agora-token.

The role is always publisher, tokens are 006, and their ttl is the default of the route.
"""

from typing import Final

from tokend.core.model import TokenRequest
from tokend.dialects import agora_fields
from tokend.dialects import fields as reading
from tokend.dialects.contract import Dialect, Endpoint, HttpRequest, Issue
from tokend.dialects.describing import CHANNEL, ERROR, UID_TEXT, USER, answer_of, in_query
from tokend.dialects.rendering import render_error, tokens_as


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


DIALECT: Final = Dialect(
    "agora-npm-demo",
    (
        Endpoint(
            "GET",
            "rtcToken",
            _rtc,
            tokens_as("key"),
            description=in_query(
                "An RTC token for a publisher", answer_of("key"), "channelName", channelName=CHANNEL, uid=UID_TEXT
            ),
        ),
        Endpoint(
            "GET",
            "rtmToken",
            _rtm,
            tokens_as("key"),
            description=in_query("A Signaling token for a user", answer_of("key"), "account", account=USER),
        ),
    ),
    render_error,
    Options=agora_fields.AgoraOptions,
    warnings=agora_fields.warnings_about_006(agora_fields.V006),
    error=ERROR,
)
