"""The bridge: an aiohttp request -> match, parse, issue, render -> an aiohttp response. Clock and chance enter here."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from tokend import issuer
from tokend.dialects import native
from tokend.dialects.contract import Answer, Inspect, Issue, Outcome, Page, Parsed, Request
from tokend.matching import Found, Missed, Table, split_path
from tokend.model import Ask, Code, Refusal, Stamp
from tokend.ports import Ports
from tokend.server import cors, pages
from tokend.server.guard import Deadlines
from tokend.server.log import JsonLog, exception_fields
from tokend.server.metrics import Metrics
from tokend.server.reading import MAX_BODY, body_of, host_of, media_of, presented_in, query_of
from tokend.setup import Origins, Setup

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "private, no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a URL may hold a key
    "Server": "tokend",
}
_METHODS: Final = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})
_NO_ORIGINS: Final = Origins()
_INTERNAL: Final = "an error of this server; its log has the request id"


class World(NamedTuple):
    """Time and chance, as arguments. `clock`: Unix seconds; `elapsed`: seconds that only go forward."""

    clock: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    salt: Callable[[], int] = lambda: secrets.randbelow(99_999_999) + 1
    request_id: Callable[[], str] = lambda: secrets.token_hex(8)


class Loaded(NamedTuple):
    """A Setup with its matching table and what the issuer awaits: what one request works with from its beginning to its end."""

    setup: Setup
    table: Table
    only_origins: Origins
    ports: Ports

    @classmethod
    def of(cls, setup: Setup, ports: Ports = Ports()) -> "Loaded":
        apps = list(setup.apps.values())
        return cls(setup, Table(setup.routes), apps[0].origins if len(apps) == 1 else _NO_ORIGINS, ports)


class Trace:
    """What the request's log line will say."""

    __slots__ = ("app", "code", "decisions", "exception", "issuing", "kinds", "operator", "request_id", "template")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.app: str | None = None
        self.kinds: list[str] = []
        self.issuing = False
        self.decisions: list[tuple[str, str]] = []
        self.template: str | None = None
        self.code = "ok"
        self.operator: str | None = None
        self.exception: BaseException | None = None


class Door:
    """Serves one Setup at a time; `loaded` is the one reference to it. `draining` answers not ready and closes."""

    def __init__(
        self,
        loaded: Loaded,
        log: JsonLog,
        world: World = World(),
        metrics: Metrics | None = None,
        deadlines: Deadlines = Deadlines(),
    ) -> None:
        self.loaded = loaded
        self.draining = False
        self.in_flight = 0
        self._log = log
        self._world = world
        self._metrics = metrics or Metrics()
        self._deadlines = deadlines
        self._cors: cors.AppOrigins

    def application(self) -> web.Application:
        """The aiohttp application: one catch-all route and the CORS hook."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{tail:(?s:.*)}", self.handle)
        self._cors = cors.install(app)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        started = self._world.elapsed()
        trace = Trace(self._world.request_id())
        self.in_flight += 1
        try:
            response = await self._respond(request, trace)
        finally:
            self.in_flight -= 1
        self._finish(response, trace)
        seconds = self._world.elapsed() - started
        self._metrics.request(trace.app, response.status, seconds)
        for kind, code in trace.decisions or [(kind, trace.code) for kind in trace.kinds if trace.issuing]:
            self._metrics.decision(trace.app or "", kind, code)
        self._log_line(request.method, response.status, trace, seconds)
        return response

    def refuse_unread(self, status: int, error: BaseException | None) -> web.Response:
        """The answer where the parser refused the request (400), or aiohttp failed around the handler (500)."""
        trace = Trace(self._world.request_id())
        refusal = Refusal(Code.MALFORMED, "this cannot be read as an HTTP request")
        if status != refusal.status:
            refusal, trace.exception = Refusal(Code.INTERNAL, _INTERNAL), error
        response = self._refused(refusal, Missed(None), trace)
        self._finish(response, trace)
        self._log_line("other", response.status, trace, 0.0)
        return response

    def _finish(self, response: web.StreamResponse, trace: Trace) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-ID"] = trace.request_id
        if self.draining:
            response.force_close()

    async def _respond(self, request: web.Request, trace: Trace) -> web.StreamResponse:
        loaded = self.loaded
        request[cors.ORIGINS] = loaded.only_origins
        found: Found | Missed = Missed(None)
        try:
            parts = split_path(request.raw_path)
            own = pages.own_page(parts, self.unready)
            if own is None:
                found = self._match(request, loaded, parts, trace)
            else:
                trace.template = "/" + "/".join(parts)
                if request.method in ("GET", "HEAD"):
                    return _response(own)
            if request.method == hdrs.METH_OPTIONS:
                return await self._options(request, found, own is not None)
            if own is not None:
                raise Refusal(Code.METHOD_NOT_ALLOWED, "this path takes GET")
            return _response(await self._answer(request, found, trace, loaded.ports))
        except Refusal as refusal:
            return self._refused(refusal, found, trace)
        except web.HTTPRequestEntityTooLarge:
            return self._refused(Refusal(Code.TOO_LARGE, "the body is too large"), found, trace)
        except Exception as error:  # noqa: BLE001  # the last line of defence: a bug is a 500 with a code
            trace.exception = error
            return self._refused(Refusal(Code.INTERNAL, _INTERNAL), found, trace)

    def unready(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""
        audit = self.loaded.ports.audit
        reasons = ["stopping"] if self.draining else []
        return reasons if audit is None or audit.healthy() else [*reasons, "the audit cannot be written"]

    def _match(self, request: web.Request, loaded: Loaded, parts: tuple[str, ...], trace: Trace) -> Found | Missed:
        wanted = (
            request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD, "")
            if cors.is_preflight(request)
            else request.method
        )
        found = loaded.table.match(wanted, host_of(request), parts, media_of(request))
        trace.template = found.template
        if found.route is not None:
            trace.app = found.route.app.name
            request[cors.ORIGINS] = found.route.app.origins
        return found

    async def _options(self, request: web.Request, found: Found | Missed, own: bool) -> web.StreamResponse:
        if not cors.is_preflight(request):
            allowed = ("GET",) if own else found.allowed if isinstance(found, Missed) else (found.endpoint.method,)
            return web.Response(status=204, headers={"Allow": ", ".join((*allowed, "OPTIONS"))})
        try:
            response = await self._cors.preflight(request)
        except web.HTTPForbidden as error:
            raise Refusal(Code.NOT_PERMITTED, "this app does not answer this origin, method or header") from error
        response.headers["Vary"] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        return response

    async def _answer(self, request: web.Request, found: Found | Missed, trace: Trace, ports: Ports) -> Answer:
        if isinstance(found, Missed):
            if found.allowed:
                raise Refusal(Code.METHOD_NOT_ALLOWED, f"this path takes {' or '.join(found.allowed)}")
            raise Refusal(Code.NOT_FOUND, "there is nothing at this path")
        now = int(self._world.clock())
        endpoint = found.endpoint
        body = (
            await body_of(request, endpoint.body_limit, self._deadlines.body)
            if endpoint.method == hdrs.METH_POST
            else b""
        )
        settings = found.route.settings(endpoint)
        plain = Request(found.params, query_of(request), body, request.headers.get(hdrs.CONTENT_TYPE), settings, now)
        parsed = endpoint.parse(plain)
        if isinstance(parsed, Page):
            return pages.document(parsed.name, found.route)
        trace.kinds, trace.issuing = _kinds(parsed, found), isinstance(parsed, Issue)
        presented = presented_in(request, found)
        count = len(parsed.asks) if isinstance(parsed, Issue) else 1
        stamps = [Stamp(now, self._world.salt()) for _ in range(count)]
        outcomes = await issuer.answer(found.route, parsed, presented, stamps, ports, trace.request_id)
        if isinstance(parsed, Issue):
            trace.decisions = [_told(ask, one, found) for ask, one in zip(parsed.asks, outcomes, strict=True)]
        refusals = [one for one in outcomes if isinstance(one, Refusal)]
        if refusals:  # of a batch
            trace.code = refusals[0].code
            trace.operator = next((one.operator for one in refusals if one.operator), None)
        elif isinstance(parsed, Issue):
            trace.code = "issued"
        return endpoint.render(plain, outcomes)

    def _refused(self, refusal: Refusal, found: Found | Missed, trace: Trace) -> web.Response:
        trace.code, trace.operator = refusal.code, refusal.operator
        refuse = found.dialect.refuse if found.dialect else native.refuse
        if isinstance(found, Found) and found.endpoint.refuse is not None:
            refuse = found.endpoint.refuse
        answer = refuse(refusal, trace.request_id)
        response = _response(answer)
        if refusal.status == 401:
            error = ', error="invalid_token"' if refusal.code == Code.CREDENTIAL_INVALID else ""
            response.headers["WWW-Authenticate"] = f'Bearer realm="tokend"{error}'
        elif refusal.code == Code.METHOD_NOT_ALLOWED:
            allowed = found.allowed if isinstance(found, Missed) else ()
            response.headers["Allow"] = ", ".join((*(allowed or ("GET",)), "OPTIONS"))
        return response

    def _log_line(self, method: str, status: int, trace: Trace, seconds: float) -> None:
        fields: dict[str, object] = {
            "request_id": trace.request_id,
            "method": method if method in _METHODS else "other",
            "route": trace.template,
            "app": trace.app,
            "kind": "+".join(trace.kinds) or None,
            "outcome": trace.code,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
        }
        if trace.operator:
            fields["reason"] = trace.operator
        if trace.exception is not None:
            fields |= exception_fields(trace.exception)
        self._log.event("request", "error" if status >= 500 else "info", **fields)


def _response(answer: Answer) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body)
    response.headers[hdrs.CONTENT_TYPE] = f"{answer.content_type}; charset=utf-8"
    if answer.content_type == pages.HTML:
        response.headers["Content-Security-Policy"] = pages.CONTENT_SECURITY_POLICY
    return response


def _told(ask: Ask | Refusal, outcome: Outcome, found: Found) -> tuple[str, str]:
    """The kind and code of a decision, for the metrics: no words of a client's."""
    kind = ask.kind if isinstance(ask, Ask) and ask.kind in found.route.app.backends else ""
    return kind, outcome.code if isinstance(outcome, Refusal) else "ok"


def _kinds(parsed: Parsed, found: Found) -> list[str]:
    """The kinds asked for, as far as the app has them: a log line holds no words of a client's."""
    asks = parsed.asks if isinstance(parsed, Issue) else () if isinstance(parsed, Inspect | Page) else (parsed.ask,)
    return sorted({one.kind for one in asks if isinstance(one, Ask)} & found.route.app.backends.keys())
