"""`agora-node-server`: Agora-Node-TokenServer on Express. Version 006 tokens; its word for a subscriber is `audience`."""

from typing import Final

from tokend.dialects.contract import Dialect, Endpoint, Issue, Request
from tokend.dialects.rendering import refuse, tokens_as
from tokend.dialects.rtc_paths import USER_PATH, both, rtc_ask, rtm_ask

NAME: Final = "agora-node-server"


def _rtc(request: Request) -> Issue:
    return Issue((rtc_ask(request),))


def _rtm(request: Request) -> Issue:
    return Issue((rtm_ask(request, request.params["rtmuid"]),))


DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("GET", f"rtc/{USER_PATH}", _rtc, tokens_as("rtcToken"), version="006"),
        Endpoint("GET", "rtm/{rtmuid}", _rtm, tokens_as("rtmToken"), version="006"),
        Endpoint("GET", f"rte/{USER_PATH}", both, tokens_as("rtcToken", "rtmToken"), version="006"),
    ),
    refuse,
)
