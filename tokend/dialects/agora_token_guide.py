"""`agora-token-guide`: the API of the server in Agora's Go guide. Tokens are 006.

Copies of that server call the lifetime `expiry` or `expireTime`.
"""

from typing import Final

from tokend.dialects import reading
from tokend.dialects.agora_fields import V006, AgoraOptions, of_kinds, warnings_about_006
from tokend.dialects.contract import Dialect, HttpRequest
from tokend.dialects.describing import ERROR, TTL
from tokend.dialects.rendering import render_error
from tokend.dialects.rtc_paths import endpoints_006


def _prepare(request: HttpRequest) -> tuple[HttpRequest, str]:
    return request, "expiry" if reading.query_value(request, "expireTime") is None else "expireTime"


DIALECT: Final = Dialect(
    "agora-token-guide",
    endpoints_006(_prepare, {"expiry": TTL, "expireTime": TTL}),
    render_error,
    Options=AgoraOptions,
    warnings=warnings_about_006(V006),
    kinds=of_kinds("rtc", "rtm"),
    error=ERROR,
)
