"""CORS for each app. aiohttp-cors decides and writes the headers; this module gives it the origins that an app allows."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import aiohttp_cors
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from aiohttp_cors.abc import AbstractRouterAdapter

from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import HttpResponse
from tokend.http.responses import to_response

if TYPE_CHECKING:
    from tokend.http.routes import ConfiguredRoutes, RouteMatch

METHODS: Final = frozenset({hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_HEAD})
MAX_AGE: Final = 600
"""Seconds for which a browser may cache the response to a preflight."""
_ALLOWED_HEADERS: Final = frozenset(
    {
        "authorization",
        "cache-control",
        "content-type",
        "pragma",
        "x-api-key",
        "x-csrf-token",  # Laravel Echo adds these two
        "x-socket-id",
        "x-request-id",
        "x-requested-with",
        "x-sandbox-id",  # LiveKit's starter apps, even without a sandbox
    }
)
_TRACING_HEADERS: Final = frozenset(
    {
        "b3",
        "baggage",
        "elastic-apm-traceparent",
        "newrelic",
        "request-context",  # these two are Application Insights'
        "request-id",
        "sentry-trace",
        "traceparent",
        "tracestate",
        "uber-trace-id",
        "x-amzn-trace-id",
        "x-b3-flags",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-b3-spanid",
        "x-b3-traceid",
        "x-cloud-trace-context",
        "x-datadog-origin",
        "x-datadog-parent-id",
        "x-datadog-sampling-priority",
        "x-datadog-trace-id",
    }
)
"""Headers that monitoring of web pages adds to every request of a page, whatever the page's own code says."""


@cache
def _options(headers: frozenset[str]) -> Any:
    """What a page of an allowed origin may do, with the headers of the auth schemes of a route."""
    return aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
        expose_headers=("X-Request-ID", "Retry-After"),
        allow_headers=tuple(_ALLOWED_HEADERS | _TRACING_HEADERS | headers),
        max_age=MAX_AGE,
    )


_PREFLIGHT_VARY: Final = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
_CORS_HEADERS: Final = (
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN,
    hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS,
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS,
)


def is_preflight(request: web.BaseRequest) -> bool:
    """Whether the request is a CORS preflight (Fetch standard)."""
    return (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ORIGIN in request.headers
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )


def add_cors(app: web.Application, routes: "ConfiguredRoutes") -> None:
    """Let aiohttp-cors answer preflights and add its headers to the response to every request with an Origin."""
    adapter = PerAppOrigins(routes)
    aiohttp_cors.CorsConfig(app, router_adapter=adapter).add(routes)
    add_headers = app.on_response_prepare.pop()  # calling it for each request costs more than checking the headers

    async def only_with_origin(request: web.Request, response: web.StreamResponse) -> None:
        if adapter.is_cors_enabled_on_request(request):
            if not is_preflight(request):
                for name in _CORS_HEADERS:  # aiohttp-cors fails if the embedding application has set one
                    response.headers.popall(name, None)
            await add_headers(request, response)

    app.on_response_prepare.append(only_with_origin)


class PerAppOrigins(AbstractRouterAdapter):
    """Gives aiohttp-cors the origins that the app of a request allows."""

    def __init__(self, routes: "ConfiguredRoutes") -> None:
        self._routes = routes

    def add_preflight_handler(self, routing_entity: Any, handler: Handler, webview: bool = False) -> None:
        self._routes.set_preflight_handler(_in_our_shape(handler))

    def set_config_for_routing_entity(self, routing_entity: Any, config: Any) -> None:
        """Do nothing: the app of each request decides."""

    def is_preflight_request(self, request: web.Request) -> bool:
        return is_preflight(request)

    def is_cors_enabled_on_request(self, request: web.Request) -> bool:
        # a route that the host added has no `origins`
        return hdrs.ORIGIN in request.headers and hasattr(request.match_info, "origins")

    async def get_preflight_request_config(
        self, preflight_request: web.Request, origin: str, requested_method: str
    ) -> Any:
        if requested_method not in METHODS:
            raise KeyError(requested_method)
        return _config(preflight_request, origin)

    def get_non_preflight_request_config(self, request: web.Request) -> Any:
        return _config(request, request.headers[hdrs.ORIGIN])


def _config(request: web.Request, origin: str) -> Any:
    match_info: RouteMatch = request.match_info  # type: ignore[assignment]  # `is_cors_enabled_on_request` has checked it
    if not match_info.origins.allow(origin):
        return {}
    return {origin: _options(_further_headers(match_info))}


def _further_headers(match_info: "RouteMatch") -> frozenset[str]:
    """Request headers that the app at this path allows."""
    if match_info.taken is not None:
        return frozenset(match_info.taken.headers)
    route = match_info.match.route
    return frozenset() if route is None else route.cors_headers


def origin_problem(request: web.BaseRequest, match_info: "RouteMatch") -> str | None:
    """Why a page cannot read the response to its request; None if it can, or no page has sent the request."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or match_info.origins.allow(origin):
        return None
    is_same_host = origin.partition("://")[2] == request.headers.get(hdrs.HOST)
    if is_same_host and not is_preflight(request):  # a page of this server, such as the console, sends no preflight
        return None
    if not match_info.has_app:
        return "no app has this path, so no page of another origin may read the response"
    return "cors.origins does not allow the Origin of this page"


def _preflight_problem(request: web.BaseRequest, match_info: "RouteMatch") -> str:
    """Why a preflight of an allowed origin is rejected."""
    if not match_info.has_app:
        return "no app has this path"
    method = request.headers[hdrs.ACCESS_CONTROL_REQUEST_METHOD]
    if method not in METHODS:
        return f"this app does not allow this method; it allows {', '.join(sorted(METHODS))}"
    return "this app does not allow one of these request headers; cors.headers adds further ones"


def _in_our_shape(handler: Handler) -> Handler:
    """The preflight handler of aiohttp-cors, with our errors and a `Vary` header."""

    async def preflight(request: web.Request) -> web.StreamResponse:
        match_info: RouteMatch = request.match_info  # type: ignore[assignment]
        if match_info.api_error is not None and match_info.taken is None:
            raise match_info.api_error
        try:
            answer = await handler(request)
        except web.HTTPForbidden as error:
            problem = origin_problem(request, match_info) or _preflight_problem(request, match_info)
            match_info.record.cors = problem
            raise ApiError(Code.NOT_PERMITTED, f"CORS: {problem}") from error
        response = to_response(HttpResponse(200, b""))
        response.headers.update(answer.headers)
        response.headers[hdrs.VARY] = _PREFLIGHT_VARY
        return response

    return preflight
