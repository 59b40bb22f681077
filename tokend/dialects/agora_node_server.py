"""`agora-node-server`: the API of Agora-Node-TokenServer. Tokens are 006, and a subscriber is called `audience`."""

from typing import Final

from tokend.dialects.agora_fields import V006, AgoraOptions, warnings_about_006
from tokend.dialects.contract import Description, Dialect, Endpoint, HttpRequest, Issue
from tokend.dialects.describing import ERROR, TTL, answer_of
from tokend.dialects.rendering import render_error, tokens_as
from tokend.dialects.rtc_paths import (
    PATH,
    RTC_SUMMARY,
    RTE_SUMMARY,
    RTM_SUMMARY,
    USER_PATH,
    both_006,
    rtc_request,
    rtm_request,
)

NAME: Final = "agora-node-server"


def _rtc(request: HttpRequest) -> Issue:
    return Issue((rtc_request(request, original=V006),))


def _rtm(request: HttpRequest) -> Issue:
    return Issue((rtm_request(request, request.params["rtmuid"], original=V006),))


_QUERY: Final = {"expiry": TTL}
_RTC: Final = Description(RTC_SUMMARY, PATH, _QUERY, answer=answer_of("rtcToken"))
_RTM: Final = Description(RTM_SUMMARY, PATH, _QUERY, answer=answer_of("rtmToken"))
_RTE: Final = Description(RTE_SUMMARY, PATH, _QUERY, answer=answer_of("rtcToken", "rtmToken"))

DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("GET", f"rtc/{USER_PATH}", _rtc, tokens_as("rtcToken"), description=_RTC),
        Endpoint("GET", "rtm/{rtmuid}", _rtm, tokens_as("rtmToken"), description=_RTM),
        Endpoint("GET", f"rte/{USER_PATH}", both_006, tokens_as("rtcToken", "rtmToken"), description=_RTE),
    ),
    render_error,
    Options=AgoraOptions,
    warnings=warnings_about_006(V006),
    error=ERROR,
)
