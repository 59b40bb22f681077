"""`agora-npm-demo`: the API of the demo server in the npm package agora-token.

The role is always publisher, tokens are 006, and their ttl is the default of the route.
"""

from typing import Final

from tokend.core.model import TokenRequest
from tokend.dialects import fields as reading
from tokend.dialects.contract import Dialect, Endpoint, HttpRequest, Issue
from tokend.dialects.rendering import render_error, tokens_as

NAME: Final = "agora-npm-demo"


def _rtc(request: HttpRequest) -> Issue:
    uid = reading.uid(reading.query_value(request, "uid") or "0", "uid", request.settings.signed_uid)
    channel = reading.query_required(request, "channelName")
    fields = {"channel": channel, "uid": uid, "role": "publisher", "version": request.settings.version}
    return Issue((TokenRequest("rtc", fields, None, {"channel": "channelName"}),))


def _rtm(request: HttpRequest) -> Issue:
    fields = {"user": reading.query_required(request, "account"), "version": request.settings.version}
    return Issue((TokenRequest("rtm", fields, None, {"user": "account"}),))


DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("GET", "rtcToken", _rtc, tokens_as("key"), version="006"),
        Endpoint("GET", "rtmToken", _rtm, tokens_as("key"), version="006"),
    ),
    render_error,
)
