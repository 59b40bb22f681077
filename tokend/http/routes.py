"""The routes of the configuration, as one resource of aiohttp's router: that router is frozen at start, ours reloads."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler
from yarl import URL

from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import HttpResponse
from tokend.http import cors, pages
from tokend.http.parser_errors import UNREADABLE
from tokend.http.request_parsing import host_of, media_of
from tokend.issuing.active import ActiveConfiguration
from tokend.issuing.origins import Origins
from tokend.issuing.routing import Match, NoMatch, TakenRoute, candidates, readable_parts, split_path
from tokend.telemetry.request_record import RequestRecord

if TYPE_CHECKING:
    from tokend.http.control import Control

RETRY_SECONDS: Final = 60
"""Seconds after which a client may try again where the configuration of an app is invalid."""
_INVALID_APP: Final = "the configuration of this app is invalid; the log of the server says why"
_NO_MATCH: Final = NoMatch(None)
_NO_PARAMETERS: Final[dict[str, str]] = {}
_NO_METHODS: Final[set[str]] = set()
_PAGE_METHODS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


class RouteMatch(web.UrlMappingMatchInfo):
    """aiohttp's match info, and what tokend found: an endpoint, none, a page of the server, or an error.

    `active` is the configuration that the request keeps to its end; `template` holds nothing that a client wrote.
    `record` is set by the middleware `request_log`. `taken`: the route of an invalid app that has this path.
    """

    __slots__ = ("active", "api_error", "match", "page", "record", "taken", "template")

    record: RequestRecord

    def __init__(
        self,
        route: "TemplateRoute",
        active: ActiveConfiguration,
        match: Match | NoMatch = _NO_MATCH,
        page: HttpResponse | None = None,
        api_error: ApiError | None = None,
        taken: TakenRoute | None = None,
    ) -> None:
        super().__init__(match.params if isinstance(match, Match) else _NO_PARAMETERS, route)  # type: ignore[arg-type]
        self.active = active
        self.match = match
        self.page = page
        self.api_error = api_error
        self.taken = taken
        self.template = match.template or route.template

    @property
    def mounted_at(self) -> str:
        """The prefix under which the host has mounted the application; empty if it has not."""
        route = self.route
        return route.owner.prefix if isinstance(route, TemplateRoute) else ""

    @property
    def has_app(self) -> bool:
        """Whether the path is that of an app, valid or not."""
        return self.match.route is not None or self.taken is not None

    @property
    def origins(self) -> Origins:
        """The web pages that may read the response."""
        if self.taken is not None:
            return Origins(self.taken.origins)
        return self.active.origins_of(self.match.route)


class TemplateRoute(web.AbstractRoute):
    """One route template, such as `/demo/rtc/{channel}`: what instrumentation and logs call a request."""

    def __init__(self, method: str, template: str | None, handler: Handler, owner: "ConfiguredRoutes") -> None:
        self.template = template
        self.owner = owner
        super().__init__(method, handler, expect_handler=_no_expectation, resource=_Template(self, template, owner))

    @property
    def name(self) -> str | None:
        return None

    def get_info(self) -> Any:
        return {"path": self.template or "/"}

    def url_for(self, *args: str, **kwargs: str) -> URL:
        return URL(self.template or "/")


class _Resource(web.AbstractResource):
    """A resource whose routes are not found by comparing paths."""

    def raw_match(self, path: str) -> bool:
        """No further route can be added to it: aiohttp would otherwise add those of the host here."""
        return False

    def url_for(self, **kwargs: str) -> URL:
        return URL(self.canonical)

    def get_info(self) -> Any:
        return {"path": self.canonical}


class _Template(_Resource):
    """The resource of a `TemplateRoute`. Instrumentation reads its name, and takes one without routes for none."""

    def __init__(self, route: TemplateRoute, template: str | None, owner: "ConfiguredRoutes") -> None:
        super().__init__()
        self._route = route
        self._template = template
        self._owner = owner

    @property
    def canonical(self) -> str:
        return self._owner.prefix + (self._template or "/")

    async def resolve(self, request: web.Request) -> Any:
        return await self._owner.resolve(request)

    def add_prefix(self, prefix: str) -> None:
        """The prefix is its owner's."""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter((self._route,))


async def _no_expectation(request: web.Request) -> None:
    """`request_parsing.body_of` sends 100-continue, once it is known that the body is wanted."""


class ConfiguredRoutes(_Resource):
    """Takes every path below its prefix, with every method, and finds the route of the configuration in force."""

    def __init__(self, control: "Control", handler: Handler) -> None:
        super().__init__()
        self.prefix = ""
        self._control = control
        self._handler = handler
        self._preflight: TemplateRoute | None = None
        self._routes: dict[str | None, TemplateRoute] = {}
        self._active = control.active

    def set_preflight_handler(self, handler: Handler) -> None:
        """Set what answers preflight requests."""
        self._preflight = TemplateRoute(hdrs.METH_OPTIONS, None, handler, self)

    async def resolve(self, request: web.Request) -> tuple[RouteMatch, set[str]]:
        return self._match_info(request), _NO_METHODS

    def _match_info(self, request: web.Request) -> RouteMatch:
        active = self._control.active
        try:
            if not is_readable(request):
                raise ApiError(Code.MALFORMED, UNREADABLE)
            return self._resolve(request, active)
        except ApiError as api_error:
            return RouteMatch(self._route(None), active, api_error=api_error)

    def _resolve(self, request: web.Request, active: ActiveConfiguration) -> RouteMatch:
        raw = request.raw_path
        if self.prefix:
            if not raw.startswith(self.prefix):  # the mount prefix in another spelling
                raise ApiError(Code.NOT_FOUND, "there is nothing at this path")
            raw = raw[len(self.prefix) :]
            raw = raw if raw.startswith("/") else f"/{raw}"
        preflight = request.method == hdrs.METH_OPTIONS and cors.is_preflight(request)
        try:
            parts = split_path(raw)
        except ApiError as api_error:
            return self._malformed(request, active, raw, api_error)
        page = pages.own_page(parts, self._control.not_ready_reasons, self.prefix)
        if page is not None:
            template = f"/{'/'.join(parts)}"
            if request.method not in _PAGE_METHODS:
                error = ApiError(Code.METHOD_NOT_ALLOWED, "this path takes GET")
                return RouteMatch(self._route(template), active, api_error=error)
            return RouteMatch(self._route(template, preflight), active, page=page)
        method = request.headers[hdrs.ACCESS_CONTROL_REQUEST_METHOD] if preflight else request.method
        match = active.table.match(method, host_of(request), parts, media_of(request))
        if isinstance(match, NoMatch):
            taken = _taken(request, active, parts, match)
            if taken is not None:
                operator = f"app {taken.app} is invalid"
                error = ApiError(Code.UNAVAILABLE, _INVALID_APP, operator=operator, retry_after=RETRY_SECONDS)
                return RouteMatch(self._route(None, preflight), active, api_error=error, taken=taken)
        return RouteMatch(self._route(match.template, preflight), active, match)

    def _malformed(
        self, request: web.Request, active: ActiveConfiguration, raw: str, api_error: ApiError
    ) -> RouteMatch:
        """The match of a path that cannot be read. Its app's pages may read why, in the shape of the dialect."""
        parts = readable_parts(raw)
        match = active.table.match(request.method, host_of(request), parts)
        if (taken := _taken(request, active, parts, match)) is not None:
            return RouteMatch(self._route(None), active, api_error=api_error, taken=taken)
        no_match = NoMatch(match.route, match.dialect, template=match.template)
        return RouteMatch(self._route(match.template), active, no_match, api_error=api_error)

    def _route(self, template: str | None, preflight: bool = False) -> TemplateRoute:
        if preflight and self._preflight is not None:
            return self._preflight
        active = self._control.active
        if active is not self._active:  # after a reload: templates of routes that are gone are not kept
            self._routes, self._active = {}, active
        route = self._routes.get(template)
        if route is None:
            route = self._routes[template] = TemplateRoute(hdrs.METH_ANY, template, self._handler, self)
        return route

    @property
    def canonical(self) -> str:
        return self.prefix or "/"

    def add_prefix(self, prefix: str) -> None:
        self.prefix = prefix + self.prefix

    def __len__(self) -> int:
        return len(self._templates())

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter([TemplateRoute(method, template, self._handler, self) for (template, method) in self._templates()])

    def _templates(self) -> Mapping[tuple[str, str], None]:
        routes = self._control.active.configuration.routes
        return {
            (candidate.template(), candidate.endpoint.method): None
            for route in routes
            for candidate in candidates(route)
        }


def _taken(
    request: web.Request, active: ActiveConfiguration, parts: tuple[str, ...], match: Match | NoMatch
) -> TakenRoute | None:
    return active.taken_at(host_of(request), parts, match.route) if active.taken_routes else None


def is_readable(request: web.BaseRequest) -> bool:
    """Whether it is a path of HTTP/1.1 or 1.0, with the one expectation that exists. What follows another is not trusted."""
    return (
        request.raw_path.startswith("/")
        and request.version in (HttpVersion11, HttpVersion10)
        and (hdrs.EXPECT not in request.headers or request.headers[hdrs.EXPECT].lower() == "100-continue")
    )
