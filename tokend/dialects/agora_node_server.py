"""`agora-node-server`: the API of Agora-Node-TokenServer. Tokens are 006, and a subscriber is called `audience`.

An empty `expiry` is the default lifetime, as in the URLs of that server's README.
"""

from typing import Final

from tokend.dialects import reading
from tokend.dialects.agora_fields import V006, AgoraOptions, of_kinds, warnings_about_006
from tokend.dialects.contract import Dialect, HttpRequest
from tokend.dialects.describing import ERROR, TTL
from tokend.dialects.rendering import render_error
from tokend.dialects.rtc_paths import PING, endpoints_006


def _prepare(request: HttpRequest) -> tuple[HttpRequest, str]:
    return reading.without_empty(request, "expiry"), "expiry"


DIALECT: Final = Dialect(
    "agora-node-server",
    (*endpoints_006(_prepare, {"expiry": TTL}), PING),
    render_error,
    Options=AgoraOptions,
    warnings=warnings_about_006(V006),
    kinds=of_kinds("rtc", "rtm"),
    error=ERROR,
)
