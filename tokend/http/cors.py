"""CORS, per app: which web pages may read an answer. Header lines for good and bad answers, and for preflights.

Our own function in the place of aiohttp-cors: docs/decisions/0007.
"""

from typing import Final

from aiohttp import hdrs, web

from tokend.core.errors import ApiError, Code
from tokend.issuing.app_options import Origins

METHODS: Final = frozenset({"GET", "POST", "HEAD"})
ALLOWED_HEADERS: Final = frozenset({"authorization", "content-type", "x-api-key", "x-requested-with"})
MAX_AGE: Final = 600
"""Seconds for which a browser may remember a preflight."""
_PREFLIGHT_VARY: Final = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"


def is_preflight(request: web.BaseRequest) -> bool:
    """OPTIONS with an Origin and the method that is asked for; any other OPTIONS is an ordinary request."""
    return (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ORIGIN in request.headers
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )


def lines(request: web.BaseRequest, origins: Origins) -> str:
    """The header lines of an answer that a page of an allowed origin may read; empty for any other."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or not origins.allow(origin):
        return ""
    return f"Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Expose-Headers: X-Request-ID,Retry-After\r\n"


def preflight_lines(request: web.BaseRequest, origins: Origins) -> str:
    """The header lines that answer a preflight; `Refusal` (403) where origin, method or a header is not allowed."""
    origin = request.headers[hdrs.ORIGIN]
    method = request.headers[hdrs.ACCESS_CONTROL_REQUEST_METHOD]
    asked = [one.strip() for one in request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").split(",")]
    headers = [one.lower() for one in asked if one]
    if not origins.allow(origin) or method not in METHODS or not ALLOWED_HEADERS.issuperset(headers):
        raise ApiError(Code.NOT_PERMITTED, "this app does not answer this origin, method or header")
    allowed = f"Access-Control-Allow-Headers: {','.join(headers)}\r\n" if headers else ""
    return (
        f"{_PREFLIGHT_VARY}Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Methods: {method}\r\n"
        f"{allowed}Access-Control-Max-Age: {MAX_AGE}\r\n"
    )
