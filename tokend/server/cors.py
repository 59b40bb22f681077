"""CORS by aiohttp-cors, per app, through a router adapter: the library decides about headers, the app about origins.

The one catch-all route serves every app, so the adapter asks the request which origins may read its answer. The
library alone would send no Vary, nothing on 404 and 405, and take `null` for an origin (docs/decisions).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp_cors import CorsConfig, ResourceOptions
from aiohttp_cors.abc import AbstractRouterAdapter

from tokend.setup import Origins

ORIGINS: Final = web.RequestKey("origins", Origins)
"""Where the handler leaves the origins of the app that a request is for."""

METHODS: Final = frozenset({"GET", "POST", "HEAD"})
_OPTIONS: Final = ResourceOptions(  # type: ignore[no-untyped-call]  # aiohttp-cors has no types here
    allow_credentials=False,
    allow_headers=("Authorization", "Content-Type", "X-API-Key", "X-Requested-With"),
    expose_headers=("X-Request-ID", "Retry-After"),
    max_age=600,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AppOrigins(AbstractRouterAdapter):
    """The six questions of aiohttp-cors, answered from the request's app."""

    preflight: Handler
    """The library's handler for preflights, for the catch-all to call."""

    def add_preflight_handler(self, routing_entity: object, handler: Handler, webview: bool = False) -> None:
        self.preflight = handler

    def is_preflight_request(self, request: web.Request) -> bool:
        return is_preflight(request)

    def is_cors_enabled_on_request(self, request: web.Request) -> bool:
        return ORIGINS in request

    def set_config_for_routing_entity(self, routing_entity: object, config: Any) -> None:
        """There is one routing entity; its configuration is the request's app."""

    async def get_preflight_request_config(
        self, preflight_request: web.Request, origin: str, requested_method: str
    ) -> Mapping[str, ResourceOptions]:
        if requested_method not in METHODS:
            raise KeyError(requested_method)
        return self.get_non_preflight_request_config(preflight_request)

    def get_non_preflight_request_config(self, request: web.Request) -> Mapping[str, ResourceOptions]:
        origin = request.headers.get(hdrs.ORIGIN)
        allowed = origin is not None and request[ORIGINS].allow(origin)
        return {origin: _OPTIONS} if allowed and origin is not None else {}


def is_preflight(request: web.Request) -> bool:
    """OPTIONS with an Origin and the method that is asked for; any other OPTIONS is an ordinary request."""
    return (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ORIGIN in request.headers
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )


def install(app: web.Application) -> AppOrigins:
    """Put the library's hook on the application; gives the adapter that holds its preflight handler."""
    adapter = AppOrigins()
    CorsConfig(app, router_adapter=adapter).add(None)
    return adapter
