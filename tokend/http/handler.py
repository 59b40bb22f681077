"""The bridge: an aiohttp request -> match, parse, issue, render -> an answer in one write. Clock and chance enter here."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web
from msgspec import Struct

from tokend.adapters.random_pool import Chance
from tokend.core.errors import Code, Refusal, whole_seconds
from tokend.core.interfaces import Ports
from tokend.core.model import Stamp
from tokend.dialects import native
from tokend.dialects.contract import BODY_LIMIT, JSON, Answer, Explain, Issue, Page, Request
from tokend.http import cors, pages
from tokend.http.connection_limiter import Deadlines
from tokend.http.proxies import Proxies
from tokend.http.reply import Reply, reply
from tokend.http.request_parsing import body_of, host_of, media_of, presented_in, query_of
from tokend.issuing import issuer
from tokend.issuing.configuration import Origins, Setup
from tokend.issuing.routing import Found, Missed, Table, split_path
from tokend.telemetry.instrumented import counted_in
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics
from tokend.telemetry.request_record import Trace

if TYPE_CHECKING:
    from tokend.telemetry.tracing import Spans

_NO_ORIGINS: Final = Origins()
_PARENT: Final = "traceparent"
_CHANCE: Final = Chance()
_INTERNAL: Final = "an error of this server; its log has the request id"


class World(Struct, frozen=True):
    """Time and chance, as arguments. `clock`: Unix seconds; `elapsed`: seconds that only go forward."""

    clock: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    salt: Callable[[], int] = _CHANCE.salt
    request_id: Callable[[], str] = _CHANCE.request_id


class Loaded(Struct, frozen=True):
    """A Setup with its matching table, its documents and what the issuer awaits: what one request works with to its end.

    `opened`: the same as `ports`, as they were opened. `gathers`: whether answers wait until all of their turn
    are made, and leave together, so that a proxy on this machine wakes once: where no write of an audit does that anyway.
    """

    setup: Setup
    table: Table
    only_origins: Origins
    ports: Ports
    proxies: Proxies
    knows_clients: bool
    opened: Ports
    documents: pages.Documents
    gathers: bool

    @classmethod
    def of(
        cls, setup: Setup, opened: Ports = Ports(), knows_clients: bool = True, metrics: Metrics | None = None
    ) -> "Loaded":
        """`knows_clients`: whether limits by address count, as `Setup.knows_clients` says."""
        apps = list(setup.apps.values())
        only = apps[0].origins if len(apps) == 1 else _NO_ORIGINS
        ports = opened if metrics is None else counted_in(metrics, opened)
        gathers = setup.audit is None or setup.audit.sync == "off"
        table, proxies, documents = Table(setup.routes), Proxies(setup.trusted_proxies), pages.Documents()
        return cls(setup, table, only, ports, proxies, knows_clients, opened, documents, gathers)


class Door:
    """Serves one Setup at a time; `loaded` is the one reference to it. `draining` answers not ready and closes."""

    def __init__(
        self,
        loaded: Loaded,
        log: JsonLog,
        world: World = World(),
        metrics: Metrics | None = None,
        deadlines: Deadlines = Deadlines(),
        spans: "Spans | None" = None,
    ) -> None:
        self.loaded = loaded
        self.draining = False
        self.in_flight = 0
        self._log = log
        self._world = world
        self._metrics = metrics or Metrics()
        self._deadlines = deadlines
        self._spans = spans

    async def handle(self, request: web.BaseRequest) -> Reply:
        """Whatever is asked for, and whatever goes wrong, there is an answer."""
        started = self._world.elapsed()
        began = self._world.clock()
        now = int(began)
        trace = Trace(self._world.request_id())
        self.in_flight += 1
        try:
            answer = await self._respond(request, trace, now)
        finally:
            self.in_flight -= 1
        found = reply(request, answer, trace.lines, trace.request_id, now, close=self.draining)
        seconds = self._world.elapsed() - started
        trace.tell(request.method, answer.status, seconds, self._metrics, self._log)
        if self._spans is not None:
            self._spans.request(trace, request.method, answer.status, began, seconds, request.headers.get(_PARENT))
        if self.loaded.gathers:
            await asyncio.sleep(0)
        return found

    def refuse_unread(self, request: web.BaseRequest, status: int, error: BaseException | None) -> Reply:
        """The answer where the parser refused the request (400), or aiohttp failed around the handler (500)."""
        trace = Trace(self._world.request_id())
        refusal = Refusal(Code.MALFORMED, "this cannot be read as an HTTP request")
        if status != refusal.status:
            refusal, trace.exception = Refusal(Code.INTERNAL, _INTERNAL), error
        answer = self._refused(refusal, Missed(None), trace)
        trace.tell("other", answer.status, 0.0, self._metrics, self._log)
        if self._spans is not None:
            self._spans.request(trace, "other", answer.status, self._world.clock(), 0.0, None)
        return reply(request, answer, trace.lines, trace.request_id, int(self._world.clock()), close=True)

    def unready(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""
        audit = self.loaded.ports.audit
        reasons = ["stopping"] if self.draining else []
        return reasons if audit is None or audit.healthy() else [*reasons, "the audit cannot be written"]

    async def _respond(self, request: web.BaseRequest, trace: Trace, now: int) -> Answer:
        loaded, found = self.loaded, _NOTHING_FOUND
        origins = loaded.only_origins
        try:
            try:
                parts = split_path(request.raw_path)
                if (own := pages.own_page(parts, self.unready)) is not None:
                    return self._own_page(request, own, parts, origins, trace)
                table = loaded.table
                host = host_of(request) if table.asks_host else None
                media = media_of(request) if table.asks_media else JSON
                found = table.match(_method_wanted(request), host, parts, media)
                trace.template = found.template
                if found.route is not None:
                    trace.app, origins = found.route.app.name, found.route.app.origins
                if request.method == hdrs.METH_OPTIONS:
                    allowed = found.allowed if isinstance(found, Missed) else (found.endpoint.method,)
                    return _options(request, allowed, origins, trace)
                return await self._answer(request, found, trace, loaded, now)
            finally:
                if hdrs.ORIGIN in request.headers and not cors.is_preflight(request):
                    trace.lines += cors.lines(request, origins)
        except Refusal as refusal:
            return self._refused(refusal, found, trace)
        except web.HTTPRequestEntityTooLarge:
            return self._refused(Refusal(Code.TOO_LARGE, "the body is too large"), found, trace)
        except Exception as error:  # noqa: BLE001  # the last line of defence: a bug is a 500 with a code
            trace.exception = error
            return self._refused(Refusal(Code.INTERNAL, _INTERNAL), found, trace)

    def _own_page(
        self, request: web.BaseRequest, own: Answer, parts: tuple[str, ...], origins: Origins, trace: Trace
    ) -> Answer:
        trace.template = "/" + "/".join(parts)
        if request.method == hdrs.METH_OPTIONS:
            return _options(request, ("GET",), origins, trace)
        if request.method not in ("GET", "HEAD"):
            raise Refusal(Code.METHOD_NOT_ALLOWED, "this path takes GET")
        trace.lines += pages.lines(own)
        return own

    async def _answer(
        self, request: web.BaseRequest, found: Found | Missed, trace: Trace, loaded: Loaded, now: int
    ) -> Answer:
        if isinstance(found, Missed):
            if found.allowed:
                raise Refusal(Code.METHOD_NOT_ALLOWED, f"this path takes {' or '.join(found.allowed)}")
            raise Refusal(Code.NOT_FOUND, "there is nothing at this path")
        endpoint = found.endpoint
        body = b""
        if endpoint.method == hdrs.METH_POST:
            body = await body_of(request, endpoint.body_limit, self._deadlines.body)
        if endpoint.body_limit > BODY_LIMIT and loaded.ports.turns is not None:
            await loaded.ports.turns.next()  # reading many batches at once would hold up all other requests
        settings = found.route.settings(endpoint)
        plain = Request(found.params, query_of(request), body, request.headers.get(hdrs.CONTENT_TYPE), settings, now)
        parsed = endpoint.parse(plain)
        if isinstance(parsed, Page):
            page = loaded.documents.get(parsed.name, found.route)
            trace.lines += pages.lines(page)
            return page
        presented = presented_in(request, found, loaded.proxies)
        if isinstance(parsed, Issue):
            trace.wants(parsed, found)
            stamps = [Stamp(now, self._world.salt()) for _ in parsed.asks]
        else:
            if isinstance(parsed, Explain):
                trace.wants(Issue((parsed.ask,)), found)
            stamps = [Stamp(now, 1)]  # nothing is minted
        address = loaded.proxies.client_of(request) if loaded.knows_clients and found.route.app.limits.address else None
        outcomes = await issuer.answer(found.route, parsed, presented, stamps, loaded.ports, trace.request_id, address)
        if isinstance(parsed, Issue):
            trace.decided(parsed, outcomes, found)
        return endpoint.render(plain, outcomes)

    def _refused(self, refusal: Refusal, found: Found | Missed, trace: Trace) -> Answer:
        trace.code, trace.operator = refusal.code, refusal.operator
        refuse = found.dialect.refuse if found.dialect else native.refuse
        if isinstance(found, Found) and found.endpoint.refuse is not None:
            refuse = found.endpoint.refuse
        if refusal.status == 401:
            error = ', error="invalid_token"' if refusal.code == Code.CREDENTIAL_INVALID else ""
            trace.lines += f'WWW-Authenticate: Bearer realm="tokend"{error}\r\n'
        elif refusal.code == Code.METHOD_NOT_ALLOWED:
            allowed = (found.allowed if isinstance(found, Missed) else ()) or ("GET",)
            trace.lines += f"Allow: {', '.join((*allowed, 'OPTIONS'))}\r\n"
        elif refusal.retry_after is not None:
            trace.lines += f"Retry-After: {whole_seconds(refusal.retry_after)}\r\n"
        return refuse(refusal, trace.request_id)


_NOTHING_FOUND: Final[Found | Missed] = Missed(None)


def _method_wanted(request: web.BaseRequest) -> str:
    """The method to match: of a preflight, the one that is asked for."""
    if request.method == hdrs.METH_OPTIONS and cors.is_preflight(request):
        return request.headers[hdrs.ACCESS_CONTROL_REQUEST_METHOD]
    return request.method


def _options(request: web.BaseRequest, allowed: tuple[str, ...], origins: Origins, trace: Trace) -> Answer:
    if cors.is_preflight(request):
        trace.lines = cors.preflight_lines(request, origins)
        return Answer(200, b"")
    trace.lines += f"Allow: {', '.join((*allowed, 'OPTIONS'))}\r\n"
    return Answer(204, b"")
