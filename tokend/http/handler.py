"""Answers a matched request: parse, authenticate, issue, render."""

import asyncio

from aiohttp import hdrs, web

from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller, Issuance
from tokend.dialects.contract import BODY_LIMIT, Explain, HttpRequest, HttpResponse, Issue, Page
from tokend.http import pages
from tokend.http.bodies import BodyReader
from tokend.http.control import Control
from tokend.http.head_authentication import caller_by_head
from tokend.http.middlewares import INTERNAL, REQUEST_ID
from tokend.http.parser_errors import parser_error
from tokend.http.proxies import client_of
from tokend.http.request_parsing import body_of, check_body_headers, credentials_in, query_of
from tokend.http.responses import allow, error_response, to_response
from tokend.http.routes import RouteMatch
from tokend.issuing import issuer
from tokend.issuing.active import ActiveConfiguration
from tokend.issuing.routing import Match, NoMatch
from tokend.telemetry.request_record import RequestRecord


class EndpointHandler:
    """Handles every request that `ConfiguredRoutes` resolves."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._body_reader = BodyReader(lambda: control.metrics.count("tokend_bodies_displaced"))
        self._documents = pages.Documents()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request. Raises `ApiError`, which the middleware `errors` renders."""
        match_info = request.match_info
        if not isinstance(match_info, RouteMatch):
            raise TypeError("this handler is for routes of the configuration alone")
        match = match_info.match
        if match_info.page is not None or request.method == hdrs.METH_OPTIONS or not isinstance(match, Match):
            return _without_endpoint(request, match_info)
        active, record = match_info.active, match_info.record
        control, endpoint, now = self._control, match.endpoint, int(record.began)
        body, credentials = b"", None
        caller: Caller | None = None
        proxies = active.configuration.options.server.trusted_proxies
        if endpoint.method == hdrs.METH_POST:
            check_body_headers(request, endpoint.body_limit)
            credentials = credentials_in(request, match, proxies)
            try:
                caller = await caller_by_head(match.route, credentials, now)
            except ApiError as api_error:
                await _note_unread(request, match_info, match, api_error)
                raise
            body = await body_of(request, endpoint.body_limit, control.deadlines.body, self._body_reader)
        if endpoint.body_limit > BODY_LIMIT and active.interfaces.batch_scheduler is not None:
            # parsing many batches at once would delay other requests
            await active.interfaces.batch_scheduler.wait_for_turn()
        http_request = HttpRequest(
            match.params,
            query_of(request),
            body,
            request.headers.get(hdrs.CONTENT_TYPE),
            match.route.dialect_options[match.dialect.name],
            now,
            match.route.field_types,
            control.nonces.nonce(),
        )
        parsed = endpoint.parse(http_request)
        if isinstance(parsed, Page):
            return _page(await self._documents_of(active).get(parsed, match.route, match_info.mounted_at), parsed)
        if credentials is None:
            credentials = credentials_in(request, match, proxies)
        if isinstance(parsed, Issue):
            record.add_token_requests(parsed, match)
            issuances = [Issuance(now, control.nonces.nonce()) for _ in parsed.token_requests]
            if not issuances:
                problem = f"dialect {match.dialect.name} returned an Issue without a token request"
                raise ApiError(Code.INTERNAL, INTERNAL, operator=problem)
        else:
            if isinstance(parsed, Explain):
                record.add_token_requests(Issue((parsed.token_request,)), match)
            issuances = [Issuance(now, 1)]  # nothing is minted
        address = _limited_address(request, active, match)
        await _next_step()
        outcomes = await issuer.answer(
            match.route,
            parsed,
            caller or credentials,
            issuances,
            active.interfaces,
            record.request_id,
            address,
            record.note_caller,
        )
        if isinstance(parsed, Issue):
            record.add_outcomes(parsed, outcomes, match)
        await _next_step()
        return to_response(endpoint.render(http_request, outcomes))

    def _documents_of(self, active: ActiveConfiguration) -> pages.Documents:
        routes = active.configuration.routes
        if routes is not self._documents.routes:  # the first request for a document, or the first after a reload
            self._documents = pages.Documents(routes)
        return self._documents

    def unreadable(self, request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
        """The response if the HTTP parser rejected the request (4xx) or aiohttp failed outside the handler (500)."""
        control = self._control
        record = RequestRecord(control.nonces.request_id(), "other", control.clock.time(), 0.0)
        api_error = parser_error(error)
        if status >= 500:
            api_error, record.exception = ApiError(Code.INTERNAL, INTERNAL), error
        record.code, record.operator = api_error.code, api_error.operator
        response = error_response(api_error, NoMatch(None), record.request_id)
        response.headers[REQUEST_ID] = record.request_id
        response.force_close()
        record.write(response.status, 0.0, control.metrics, control.log, control.tracing)
        return response


async def _next_step() -> None:
    """Let the other requests of this turn of the event loop come as far as this one.

    Under load they then take each step one after the other, while its code is in the processor's caches (docs/performance.md).
    """
    await asyncio.sleep(0)


async def _note_unread(request: web.Request, match_info: RouteMatch, match: Match, api_error: ApiError) -> None:
    """Count credentials that fail as if the body had been read: for limits, audit and metrics."""
    active, record = match_info.active, match_info.record
    if match.endpoint.issues:
        record.add_unread_token_request()
    address = _limited_address(request, active, match)
    await issuer.note_rejected(
        match.route.app,
        api_error,
        int(record.began),
        active.interfaces,
        record.request_id,
        address,
        issues=match.endpoint.issues,
    )


def _limited_address(request: web.Request, active: ActiveConfiguration, match: Match) -> str | None:
    """The client's address, if the app limits requests by address."""
    if not active.knows_clients or match.route.app.options.limits.address is None:
        return None
    return client_of(request, active.configuration.options.server.trusted_proxies)


def _without_endpoint(request: web.Request, match_info: RouteMatch) -> web.Response:
    """The response to OPTIONS and for the server's own pages; `ApiError` where there is nothing."""
    if match_info.api_error is not None:
        raise match_info.api_error
    if request.method == hdrs.METH_OPTIONS:
        return _options(match_info)
    if match_info.page is not None:
        return _page(match_info.page)
    match = match_info.match
    if isinstance(match, NoMatch) and match.allowed:
        raise ApiError(Code.METHOD_NOT_ALLOWED, f"this path takes {' or '.join(match.allowed)}")
    raise ApiError(Code.NOT_FOUND, "there is nothing at this path")


def _page(response: HttpResponse, page: Page | None = None) -> web.Response:
    """The response with a page. `page`: None for one of the server itself."""
    return to_response(response, pages.headers_of(page, response))


def _options(match_info: RouteMatch) -> web.Response:
    """The response to OPTIONS without an Origin: it lists the methods."""
    match = match_info.match
    methods: tuple[str, ...] = (hdrs.METH_GET,)
    if match_info.page is None:
        methods = match.allowed if isinstance(match, NoMatch) else (match.endpoint.method,)
    return to_response(HttpResponse(204, b""), {hdrs.ALLOW: allow(methods)})
