"""`agora-token-guide`: the API of the server in Agora's Go guide. Tokens are 006.

Copies of that server call the lifetime `expiry` or `expireTime`.
"""

from typing import Final

from tokend.dialects import fields as reading
from tokend.dialects.agora_fields import V006, AgoraOptions, warnings_about_006
from tokend.dialects.contract import Dialect, HttpRequest, Issue
from tokend.dialects.describing import ERROR, TTL
from tokend.dialects.rendering import render_error
from tokend.dialects.rtc_paths import both_006, rtc_endpoint, rtc_request, rte_endpoint, rtm_endpoint, rtm_request


def _ttl_name(request: HttpRequest) -> str:
    return "expiry" if reading.query_value(request, "expireTime") is None else "expireTime"


def _rtc(request: HttpRequest) -> Issue:
    return Issue((rtc_request(request, _ttl_name(request), original=V006),))


def _rtm(request: HttpRequest) -> Issue:
    return Issue((rtm_request(request, request.params["rtmuid"], _ttl_name(request), original=V006),))


def _rte(request: HttpRequest) -> Issue:
    return both_006(request, _ttl_name(request))


_QUERY: Final = {"expiry": TTL, "expireTime": TTL}

DIALECT: Final = Dialect(
    "agora-token-guide",
    (rtc_endpoint(_rtc, _QUERY), rtm_endpoint(_rtm, _QUERY), rte_endpoint(_rte, _QUERY)),
    render_error,
    Options=AgoraOptions,
    warnings=warnings_about_006(V006),
    error=ERROR,
)
