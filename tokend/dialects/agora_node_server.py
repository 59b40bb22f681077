"""`agora-node-server`: the API of Agora-Node-TokenServer. Tokens are 006, and a subscriber is called `audience`."""

from typing import Final

from tokend.dialects.contract import Dialect, Endpoint, HttpRequest, Issue
from tokend.dialects.rendering import render_error, tokens_as
from tokend.dialects.rtc_paths import USER_PATH, both, rtc_request, rtm_request

NAME: Final = "agora-node-server"


def _rtc(request: HttpRequest) -> Issue:
    return Issue((rtc_request(request),))


def _rtm(request: HttpRequest) -> Issue:
    return Issue((rtm_request(request, request.params["rtmuid"]),))


DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("GET", f"rtc/{USER_PATH}", _rtc, tokens_as("rtcToken"), version="006"),
        Endpoint("GET", "rtm/{rtmuid}", _rtm, tokens_as("rtmToken"), version="006"),
        Endpoint("GET", f"rte/{USER_PATH}", both, tokens_as("rtcToken", "rtmToken"), version="006"),
    ),
    render_error,
)
