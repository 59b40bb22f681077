"""`agora-node-server`: the API of Agora-Node-TokenServer. Tokens are 006, and a subscriber is called `audience`."""

from typing import Final

from tokend.dialects.agora_fields import V006, AgoraOptions, warnings_about_006
from tokend.dialects.contract import Dialect, HttpRequest, Issue
from tokend.dialects.describing import ERROR, TTL
from tokend.dialects.rendering import render_error
from tokend.dialects.rtc_paths import both_006, rtc_endpoint, rtc_request, rte_endpoint, rtm_endpoint, rtm_request

NAME: Final = "agora-node-server"


def _rtc(request: HttpRequest) -> Issue:
    return Issue((rtc_request(request, original=V006),))


def _rtm(request: HttpRequest) -> Issue:
    return Issue((rtm_request(request, request.params["rtmuid"], original=V006),))


_QUERY: Final = {"expiry": TTL}

DIALECT: Final = Dialect(
    NAME,
    (rtc_endpoint(_rtc, _QUERY), rtm_endpoint(_rtm, _QUERY), rte_endpoint(both_006, _QUERY)),
    render_error,
    Options=AgoraOptions,
    warnings=warnings_about_006(V006),
    error=ERROR,
)
