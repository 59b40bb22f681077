"""`agora-node-server`: the API of Agora-Node-TokenServer. Tokens are 006, and a subscriber is called `audience`.

An empty `expiry` is the default lifetime, as in the URLs of that server's README.
"""

from typing import Final

from tokend.dialects import fields as reading
from tokend.dialects.agora_fields import V006, AgoraOptions, warnings_about_006
from tokend.dialects.contract import Dialect, HttpRequest, Issue
from tokend.dialects.describing import ERROR, TTL
from tokend.dialects.rendering import render_error
from tokend.dialects.rtc_paths import PING, both_006, rtc_endpoint, rtc_request, rte_endpoint, rtm_endpoint, rtm_request


def _rtc(request: HttpRequest) -> Issue:
    return Issue((rtc_request(_with_default(request), original=V006),))


def _rtm(request: HttpRequest) -> Issue:
    return Issue((rtm_request(_with_default(request), request.params["rtmuid"], original=V006),))


def _rte(request: HttpRequest) -> Issue:
    return both_006(_with_default(request))


def _with_default(request: HttpRequest) -> HttpRequest:
    return reading.without_empty(request, "expiry")


_QUERY: Final = {"expiry": TTL}

DIALECT: Final = Dialect(
    "agora-node-server",
    (rtc_endpoint(_rtc, _QUERY), rtm_endpoint(_rtm, _QUERY), rte_endpoint(_rte, _QUERY), PING),
    render_error,
    Options=AgoraOptions,
    warnings=warnings_about_006(V006),
    error=ERROR,
)
