"""The bridge: an aiohttp request -> match, parse, issue, render -> an answer in one write. Clock and chance enter here."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web
from msgspec import Struct

from tokend.adapters.random_pool import RandomPool
from tokend.core.errors import ApiError, Code, whole_seconds
from tokend.core.interfaces import Interfaces
from tokend.core.model import Issuance
from tokend.dialects import native
from tokend.dialects.contract import BODY_LIMIT, JSON, Explain, HttpRequest, HttpResponse, Issue, Page
from tokend.http import cors, pages
from tokend.http.connection_limiter import Deadlines
from tokend.http.proxies import Proxies
from tokend.http.reply import Reply, reply
from tokend.http.request_parsing import body_of, credentials_in, host_of, media_of, query_of
from tokend.issuing import issuer
from tokend.issuing.app_options import Origins
from tokend.issuing.configuration import Configuration
from tokend.issuing.routing import Match, NoMatch, RouteTable, split_path
from tokend.telemetry.instrumented import counted_in
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics
from tokend.telemetry.request_record import RequestRecord

if TYPE_CHECKING:
    from tokend.telemetry.tracing import Tracing

_NO_ORIGINS: Final = Origins()
_PARENT: Final = "traceparent"
_RANDOM_POOL: Final = RandomPool()
_INTERNAL: Final = "an error of this server; its log has the request id"


class World(Struct, frozen=True):
    """Time and chance, as arguments. `clock`: Unix seconds; `elapsed`: seconds that only go forward."""

    clock: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    nonce: Callable[[], int] = _RANDOM_POOL.nonce
    request_id: Callable[[], str] = _RANDOM_POOL.request_id


class ActiveConfiguration(Struct, frozen=True):
    """A Setup with its matching table, its documents and what the issuer awaits: what one request works with to its end.

    `opened`: the same as `ports`, as they were opened. `gathers`: whether answers wait until all of their turn
    are made, and leave together, so that a proxy on this machine wakes once: where no write of an audit does that anyway.
    """

    configuration: Configuration
    table: RouteTable
    only_origins: Origins
    interfaces: Interfaces
    proxies: Proxies
    knows_clients: bool
    opened: Interfaces
    documents: pages.Documents
    batches_responses: bool

    @classmethod
    def of(
        cls,
        configuration: Configuration,
        opened: Interfaces = Interfaces(),
        knows_clients: bool = True,
        metrics: Metrics | None = None,
    ) -> "ActiveConfiguration":
        """`knows_clients`: whether limits by address count, as `Setup.knows_clients` says."""
        apps = list(configuration.apps.values())
        only = apps[0].origins if len(apps) == 1 else _NO_ORIGINS
        interfaces = opened if metrics is None else counted_in(metrics, opened)
        batches_responses = configuration.audit is None or configuration.audit.sync == "off"
        table, proxies, documents = (
            RouteTable(configuration.routes),
            Proxies(configuration.trusted_proxies),
            pages.Documents(),
        )
        return cls(configuration, table, only, interfaces, proxies, knows_clients, opened, documents, batches_responses)


class Handler:
    """Serves one Setup at a time; `loaded` is the one reference to it. `draining` answers not ready and closes."""

    def __init__(
        self,
        loaded: ActiveConfiguration,
        log: JsonLog,
        world: World = World(),
        metrics: Metrics | None = None,
        deadlines: Deadlines = Deadlines(),
        tracing: "Tracing | None" = None,
    ) -> None:
        self.loaded = loaded
        self.draining = False
        self.in_flight = 0
        self._log = log
        self._world = world
        self._metrics = metrics or Metrics()
        self._deadlines = deadlines
        self._tracing = tracing

    async def handle(self, request: web.BaseRequest) -> Reply:
        """Whatever is asked for, and whatever goes wrong, there is an answer."""
        started = self._world.elapsed()
        began = self._world.clock()
        now = int(began)
        record = RequestRecord(self._world.request_id())
        self.in_flight += 1
        try:
            answer = await self._respond(request, record, now)
        finally:
            self.in_flight -= 1
        found = reply(request, answer, record.lines, record.request_id, now, close=self.draining)
        seconds = self._world.elapsed() - started
        record.tell(request.method, answer.status, seconds, self._metrics, self._log)
        if self._tracing is not None:
            self._tracing.request(record, request.method, answer.status, began, seconds, request.headers.get(_PARENT))
        if self.loaded.batches_responses:
            await asyncio.sleep(0)
        return found

    def handle_unread(self, request: web.BaseRequest, status: int, error: BaseException | None) -> Reply:
        """The answer where the parser refused the request (400), or aiohttp failed around the handler (500)."""
        record = RequestRecord(self._world.request_id())
        api_error = ApiError(Code.MALFORMED, "this cannot be read as an HTTP request")
        if status != api_error.status:
            api_error, record.exception = ApiError(Code.INTERNAL, _INTERNAL), error
        answer = self._error_response(api_error, NoMatch(None), record)
        record.tell("other", answer.status, 0.0, self._metrics, self._log)
        if self._tracing is not None:
            self._tracing.request(record, "other", answer.status, self._world.clock(), 0.0, None)
        return reply(request, answer, record.lines, record.request_id, int(self._world.clock()), close=True)

    def not_ready_reasons(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""
        audit = self.loaded.interfaces.audit
        reasons = ["stopping"] if self.draining else []
        return reasons if audit is None or audit.healthy() else [*reasons, "the audit cannot be written"]

    async def _respond(self, request: web.BaseRequest, record: RequestRecord, now: int) -> HttpResponse:
        loaded, found = self.loaded, _NOTHING_FOUND
        origins = loaded.only_origins
        try:
            try:
                parts = split_path(request.raw_path)
                if (own := pages.own_page(parts, self.not_ready_reasons)) is not None:
                    return self._own_page(request, own, parts, origins, record)
                table = loaded.table
                host = host_of(request) if table.uses_host else None
                media = media_of(request) if table.uses_media_type else JSON
                found = table.match(_method_wanted(request), host, parts, media)
                record.template = found.template
                if found.route is not None:
                    record.app, origins = found.route.app.name, found.route.app.origins
                if request.method == hdrs.METH_OPTIONS:
                    allowed = found.allowed if isinstance(found, NoMatch) else (found.endpoint.method,)
                    return _options(request, allowed, origins, record)
                return await self._answer(request, found, record, loaded, now)
            finally:
                if hdrs.ORIGIN in request.headers and not cors.is_preflight(request):
                    record.lines += cors.lines(request, origins)
        except ApiError as api_error:
            return self._error_response(api_error, found, record)
        except web.HTTPRequestEntityTooLarge:
            return self._error_response(ApiError(Code.TOO_LARGE, "the body is too large"), found, record)
        except Exception as error:  # noqa: BLE001  # the last line of defence: a bug is a 500 with a code
            record.exception = error
            return self._error_response(ApiError(Code.INTERNAL, _INTERNAL), found, record)

    def _own_page(
        self,
        request: web.BaseRequest,
        own: HttpResponse,
        parts: tuple[str, ...],
        origins: Origins,
        record: RequestRecord,
    ) -> HttpResponse:
        record.template = "/" + "/".join(parts)
        if request.method == hdrs.METH_OPTIONS:
            return _options(request, ("GET",), origins, record)
        if request.method not in ("GET", "HEAD"):
            raise ApiError(Code.METHOD_NOT_ALLOWED, "this path takes GET")
        record.lines += pages.lines(own)
        return own

    async def _answer(
        self,
        request: web.BaseRequest,
        found: Match | NoMatch,
        record: RequestRecord,
        loaded: ActiveConfiguration,
        now: int,
    ) -> HttpResponse:
        if isinstance(found, NoMatch):
            if found.allowed:
                raise ApiError(Code.METHOD_NOT_ALLOWED, f"this path takes {' or '.join(found.allowed)}")
            raise ApiError(Code.NOT_FOUND, "there is nothing at this path")
        endpoint = found.endpoint
        body = b""
        if endpoint.method == hdrs.METH_POST:
            body = await body_of(request, endpoint.body_limit, self._deadlines.body)
        if endpoint.body_limit > BODY_LIMIT and loaded.interfaces.batch_scheduler is not None:
            await (
                loaded.interfaces.batch_scheduler.next()
            )  # reading many batches at once would hold up all other requests
        settings = found.route.settings(endpoint)
        plain = HttpRequest(
            found.params, query_of(request), body, request.headers.get(hdrs.CONTENT_TYPE), settings, now
        )
        parsed = endpoint.parse(plain)
        if isinstance(parsed, Page):
            page = loaded.documents.get(parsed.name, found.route)
            record.lines += pages.lines(page)
            return page
        credentials = credentials_in(request, found, loaded.proxies)
        if isinstance(parsed, Issue):
            record.wants(parsed, found)
            issuances = [Issuance(now, self._world.nonce()) for _ in parsed.token_requests]
        else:
            if isinstance(parsed, Explain):
                record.wants(Issue((parsed.token_request,)), found)
            issuances = [Issuance(now, 1)]  # nothing is minted
        address = loaded.proxies.client_of(request) if loaded.knows_clients and found.route.app.limits.address else None
        outcomes = await issuer.answer(
            found.route, parsed, credentials, issuances, loaded.interfaces, record.request_id, address
        )
        if isinstance(parsed, Issue):
            record.decided(parsed, outcomes, found)
        return endpoint.render(plain, outcomes)

    def _error_response(self, api_error: ApiError, found: Match | NoMatch, record: RequestRecord) -> HttpResponse:
        record.code, record.operator = api_error.code, api_error.operator
        render_error = found.dialect.render_error if found.dialect else native.render_error
        if isinstance(found, Match) and found.endpoint.render_error is not None:
            render_error = found.endpoint.render_error
        if api_error.status == 401:
            error = ', error="invalid_token"' if api_error.code == Code.CREDENTIAL_INVALID else ""
            record.lines += f'WWW-Authenticate: Bearer realm="tokend"{error}\r\n'
        elif api_error.code == Code.METHOD_NOT_ALLOWED:
            allowed = (found.allowed if isinstance(found, NoMatch) else ()) or ("GET",)
            record.lines += f"Allow: {', '.join((*allowed, 'OPTIONS'))}\r\n"
        elif api_error.retry_after is not None:
            record.lines += f"Retry-After: {whole_seconds(api_error.retry_after)}\r\n"
        return render_error(api_error, record.request_id)


_NOTHING_FOUND: Final[Match | NoMatch] = NoMatch(None)


def _method_wanted(request: web.BaseRequest) -> str:
    """The method to match: of a preflight, the one that is asked for."""
    if request.method == hdrs.METH_OPTIONS and cors.is_preflight(request):
        return request.headers[hdrs.ACCESS_CONTROL_REQUEST_METHOD]
    return request.method


def _options(
    request: web.BaseRequest, allowed: tuple[str, ...], origins: Origins, record: RequestRecord
) -> HttpResponse:
    if cors.is_preflight(request):
        record.lines = cors.preflight_lines(request, origins)
        return HttpResponse(200, b"")
    record.lines += f"Allow: {', '.join((*allowed, 'OPTIONS'))}\r\n"
    return HttpResponse(204, b"")
