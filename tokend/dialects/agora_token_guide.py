"""`agora-token-guide`: the server of the Go/Gin guide. Version 006 tokens; copies differ in the lifetime's name."""

from typing import Final

from tokend.dialects import fields as reading
from tokend.dialects.contract import Dialect, Endpoint, Issue, Request
from tokend.dialects.rendering import refuse, tokens_as
from tokend.dialects.rtc_paths import USER_PATH, both, rtc_ask, rtm_ask

NAME: Final = "agora-token-guide"


def _ttl_name(request: Request) -> str:
    return "expiry" if reading.query_value(request, "expireTime") is None else "expireTime"


def _rtc(request: Request) -> Issue:
    return Issue((rtc_ask(request, _ttl_name(request)),))


def _rtm(request: Request) -> Issue:
    return Issue((rtm_ask(request, request.params["rtmuid"], _ttl_name(request)),))


def _rte(request: Request) -> Issue:
    return both(request, _ttl_name(request))


DIALECT: Final = Dialect(
    NAME,
    (
        Endpoint("GET", f"rtc/{USER_PATH}", _rtc, tokens_as("rtcToken"), version="006"),
        Endpoint("GET", "rtm/{rtmuid}", _rtm, tokens_as("rtmToken"), version="006"),
        Endpoint("GET", f"rte/{USER_PATH}", _rte, tokens_as("rtcToken", "rtmToken"), version="006"),
    ),
    refuse,
)
