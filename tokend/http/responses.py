"""Turns what a dialect renders into a `web.Response` with a constant set of headers."""

from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec.json
from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy

from tokend.core.errors import ApiError, Code, whole_seconds
from tokend.dialects import native
from tokend.dialects.contract import HttpResponse
from tokend.issuing.routing import Match, NoMatch

NO_CACHE: Final[Mapping[str, str]] = {
    hdrs.CACHE_CONTROL: "private, no-cache, no-store, must-revalidate",
    hdrs.PRAGMA: "no-cache",
    hdrs.EXPIRES: "-1",
}
VARY: Final = "Origin"
_HEADERS: Final[Mapping[str, str]] = {
    **NO_CACHE,
    hdrs.VARY: VARY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a URL may hold a key
    hdrs.SERVER: "tokend",
}
_NO_BODY: Final = frozenset({204, 304})
_STATUSES: Final = range(200, 600)


@cache
def _headers(content_type: str | None) -> "CIMultiDictProxy[str]":
    """The headers of every response with this content type. None means a response without a body."""
    headers = CIMultiDict(_HEADERS)
    if content_type is not None:
        headers[hdrs.CONTENT_TYPE] = f"{content_type}; charset=utf-8"
    return CIMultiDictProxy(headers)


def to_response(answer: HttpResponse, extra: Mapping[str, str] | None = None) -> web.Response:
    """The response of a dialect, with further headers. Raises `ValueError` where HTTP has no such response."""
    if answer.status not in _STATUSES or not answer.content_type.isprintable():
        raise ValueError("a dialect returned a status or a content type that HTTP does not have")
    if answer.status in _NO_BODY:
        response = web.Response(status=answer.status, headers=_headers(None))
    else:
        response = web.Response(body=answer.body, status=answer.status, headers=_headers(answer.content_type))
    if extra:
        response.headers.update(extra)
    return response


def json_response(content: object, status: int = 200) -> web.Response:
    """A response of the admin listener or a console."""
    return to_response(HttpResponse(status, msgspec.json.encode(content)))


def json_error(status: int, sentence: str) -> web.Response:
    """An error of the admin listener or a console."""
    return json_response({"error": sentence}, status)


def error_response(api_error: ApiError, match: Match | NoMatch, request_id: str) -> web.Response:
    """The error as the request's dialect renders it."""
    render = match.dialect.render_error if match.dialect else native.render_error
    if isinstance(match, Match) and match.endpoint.render_error is not None:
        render = match.endpoint.render_error
    return to_response(render(api_error, request_id), _error_headers(api_error, match))


def allow(methods: tuple[str, ...]) -> str:
    """The value of an `Allow` header."""
    return ", ".join((*methods, hdrs.METH_OPTIONS))


def _error_headers(api_error: ApiError, match: Match | NoMatch) -> Mapping[str, str] | None:
    if api_error.status == 401:
        reason = ', error="invalid_token"' if api_error.code == Code.CREDENTIAL_INVALID else ""
        return {hdrs.WWW_AUTHENTICATE: f'Bearer realm="tokend"{reason}'}
    if api_error.code == Code.METHOD_NOT_ALLOWED:
        methods = (match.allowed if isinstance(match, NoMatch) else ()) or (hdrs.METH_GET,)
        return {hdrs.ALLOW: allow(methods)}
    if api_error.retry_after is not None:
        return {hdrs.RETRY_AFTER: str(whole_seconds(api_error.retry_after))}
    return None
