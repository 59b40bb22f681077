"""What surrounds every request: its log line, the no-cache headers, and errors in the shape of its dialect."""

import asyncio
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from tokend.core.errors import ApiError, Code
from tokend.http.cancellation import ends_task
from tokend.http.control import CONTROL
from tokend.http.cors import origin_problem
from tokend.http.parser_errors import UNREADABLE
from tokend.http.proxies import peer_of
from tokend.http.responses import NO_CACHE, error_response
from tokend.http.routes import RouteMatch, is_readable
from tokend.issuing.routing import Match, NoMatch
from tokend.telemetry.request_record import RequestRecord

RECORD: Final = web.RequestKey("tokend_record", RequestRecord)
"""The record of a request: its id, and what its log line will say."""
REQUEST_ID: Final = "X-Request-ID"
INTERNAL: Final = "an error of this server; its log has the request id"
_PARENT: Final = "traceparent"
_OF_THE_BODY: Final = frozenset({hdrs.CONTENT_TYPE, hdrs.CONTENT_LENGTH})
_CODES: Final = {code.status: code for code in reversed(Code)}


@web.middleware
async def request_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id and a record; count and log it once there is a response."""
    match_info, control = request.match_info, request.app[CONTROL]
    clock = control.clock
    record = RequestRecord(control.nonces.request_id(), request.method, clock.time(), clock.monotonic())
    request[RECORD] = record
    batches_responses = False
    if isinstance(match_info, RouteMatch):
        match_info.record = record
        record.template = match_info.template
        route = match_info.match.route
        if route is not None:
            record.app = route.app.name
        elif match_info.taken is not None:
            record.app = match_info.taken.app
        record.endpoint = _endpoint_of(match_info)
        batches_responses = match_info.active.batches_responses
        if hdrs.ORIGIN in request.headers:
            record.cors = origin_problem(request, match_info)
    control.in_flight += 1
    try:
        response = await handler(request)
    finally:
        control.in_flight -= 1
    response.headers[REQUEST_ID] = record.request_id
    if control.draining or _hides_what_follows(request):
        response.force_close()
    seconds = clock.monotonic() - record.started
    parent = request.headers.get(_PARENT)
    trusted = parent is not None and control.is_proxy(peer_of(request))
    record.write(response.status, seconds, control.metrics, control.log, control.tracing, parent, trusted=trusted)
    if batches_responses:
        await asyncio.sleep(0)  # the responses of one turn of the loop leave together: a proxy here wakes once
    return response


@web.middleware
async def no_cache(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Forbid caches to keep the response: it may hold a token."""
    response = await handler(request)
    headers = response.headers
    if hdrs.PRAGMA not in headers:  # tokend's own responses have these headers from the beginning
        headers.update(NO_CACHE)
    return response


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Render `ApiError`, `web.HTTPException` and any other exception in the shape of the request's dialect."""
    raised: web.HTTPException | None = None
    try:
        response = await handler(request)
        if isinstance(response, web.StreamResponse):
            return response
        raise TypeError("a middleware or handler returned no response")
    except ApiError as error:
        api_error = error
    except web.HTTPException as error:  # of a middleware inside
        if error.status < 400:
            response = web.Response(status=error.status, text=error.text)
            _take_headers(response, error)
            return response
        raised, api_error = error, _api_error_of(error)
        _forget_frames(error)  # aiohttp's router keeps the exception
    except BaseException as error:  # the last line of defence: a bug is a 500 with a code
        if ends_task(error):
            raise
        api_error = _internal(request, error)
    match_info = request.match_info
    match: Match | NoMatch = match_info.match if isinstance(match_info, RouteMatch) else NoMatch(None)
    unreadable = not is_readable(request)
    if (
        unreadable and match_info.http_exception is not None
    ):  # no path, as of CONNECT: aiohttp's router did not ask ours
        api_error = ApiError(Code.MALFORMED, UNREADABLE)
    record = request[RECORD]
    record.code, record.detail, record.operator = api_error.code, api_error.detail, api_error.operator
    _forget_frames(api_error)
    try:
        response = error_response(api_error, match, record.request_id)
    except BaseException as error:  # of the dialect
        if ends_task(error):
            raise
        api_error = _internal(request, error)
        record.code, record.detail, record.operator = api_error.code, api_error.detail, api_error.operator
        response = error_response(api_error, NoMatch(None), record.request_id)
    if raised is not None:
        _take_headers(response, raised)
    if unreadable:
        response.force_close()
    return response


def _endpoint_of(match_info: RouteMatch) -> str | None:
    """The template of a page of the server, or of an endpoint below its route; None if there is none at this path."""
    if isinstance(match_info.match, Match):
        return match_info.match.endpoint_template
    return match_info.template if match_info.page is not None else None


def _hides_what_follows(request: web.Request) -> bool:
    """Whether what follows on the connection may be lost: then the connection must end with the response.

    aiohttp's parser drops what it receives together with the end of a body whose request wants an upgrade. With a response
    before that end, a proxy may send another client's request there, whose body would then be read as a request.
    """
    return hdrs.UPGRADE in request.headers and not request.content.is_eof()


def _api_error_of(error: web.HTTPException) -> ApiError:
    code = _CODES.get(error.status) or (Code.MALFORMED if error.status < 500 else Code.UNAVAILABLE)
    default = f"{error.status}: {error.reason}"
    return ApiError(code, error.reason if error.text in (None, default) else str(error.text))


def _take_headers(response: web.Response, error: web.HTTPException) -> None:
    """Give the response the exception's headers, of which one may stand several times, and its cookies."""
    names = {name for name in error.headers if name not in _OF_THE_BODY}
    for name in names:
        response.headers.popall(name, None)
        for value in error.headers.getall(name):
            response.headers.add(name, value)
    response.cookies.update(error.cookies)


def _forget_frames(error: BaseException) -> None:
    """Break the cycles between an exception and the frames that refer to it: those would wait for the garbage collector."""
    error.__traceback__ = error.__context__ = error.__cause__ = None


def _internal(request: web.Request, error: BaseException) -> ApiError:
    request[RECORD].exception = error
    return ApiError(Code.INTERNAL, INTERNAL)
