"""The state of one application: the configuration in force, what it holds open, and what an operator may do to it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from msgspec.structs import replace

from tokend.adapters.resources import CannotStart, Opened, Resources, needed_by
from tokend.adapters.system import Clock, Nonces
from tokend.config.isolation import Isolated
from tokend.config.loading import Files, Source
from tokend.core.listening import Listen
from tokend.http.connection_limiter import Deadlines
from tokend.http.reloader import Reloaded, Reloader
from tokend.installing import install_command
from tokend.issuing.active import ActiveConfiguration
from tokend.issuing.configuration import Configuration
from tokend.issuing.routing import RouteTable, TakenRoute
from tokend.telemetry.instrumented import counted_in
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Labels, Metrics, Snapshot, Values
from tokend.telemetry.process_usage import process_usage

if TYPE_CHECKING:
    from tokend.telemetry.tracing import Tracing

RELEASE_SECONDS: Final = 1.0
"""Seconds until the apps of a replaced configuration are freed: nearly every request that uses them is answered by then."""


class Control:
    """What `app[CONTROL]` is. Before startup nothing is open, and after cleanup nothing is open any more."""

    def __init__(
        self,
        isolated: Isolated,
        clock: Clock,
        nonces: Nonces,
        log: JsonLog,
        *,
        source: Source | None = None,
        files: Files | None = None,
        listen: Listen | None = None,
        deadlines: Deadlines = Deadlines(),
    ) -> None:
        """`source`: where the configuration came from, for `reload`. `listen`: where the server listens in the end."""
        self.clock = clock
        self.nonces = nonces
        self.log = log
        self.deadlines = deadlines
        self.metrics = Metrics()
        self.tracing: Tracing | None = None
        self.draining = False
        self.in_flight = 0
        self.listen = listen or isolated.configuration.listen
        settings = isolated.configuration.options.server
        log.configure(settings)
        self.traces = settings.traces
        self.metrics.keeps_details = settings.admin is not None and settings.admin.details
        self.active = ActiveConfiguration(
            isolated.configuration, RouteTable(isolated.configuration.routes), taken_routes=isolated.taken_routes
        )
        self._resources: Resources | None = None
        self._prepared: ActiveConfiguration | None = None
        self._opened_before: Opened | None = None
        self._commits = 0
        self.reloader: Reloader | None = None
        if source is not None and files is not None:
            self.reloader = Reloader(
                source, isolated, files, self._install, log, self.metrics, self._warnings_of, clock.time
            )

    async def resources(self, app: web.Application) -> AsyncIterator[None]:
        """A cleanup context: open what the configuration asks for at startup, close it at cleanup.

        Raises `CannotStart` where a file or an address cannot be used.
        """
        self._resources = Resources(self.log, secrets.token_hex(8), self.clock)
        try:
            self.active = self._activated(self.active.configuration, self.active.taken_routes, self.active.table)
            self.tracing = open_tracing() if self.traces else None
        except BaseException:  # also a thread that cannot start, or a variable of OpenTelemetry that it rejects
            await self._resources.close()
            self._resources = None
            raise
        yield
        await self._resources.close()
        self._resources = None
        if self.tracing is not None:
            await self.tracing.close()

    async def reload(self) -> Reloaded:
        """Read the configuration again and serve it; on any problem the present one stays."""
        if self.reloader is None:
            raise RuntimeError("this application was not made from a file: there is nothing to reload")
        return await self.reloader.reload()

    async def prepare(self, configuration: Configuration, taken_routes: Mapping[str, tuple[TakenRoute, ...]]) -> None:
        """Make ready for another configuration; requests still get the present one. Raises `CannotStart`.

        `taken_routes`: those of invalid apps, by app.
        """
        table = await asyncio.to_thread(RouteTable, configuration.routes)  # thousands of apps take a while
        self._opened_before = None if self._resources is None else self._resources.opened()
        try:
            self._prepared = self._activated(configuration, taken_routes, table)
            if not await self._has_read_deny_list(configuration, present=self.active.configuration):
                raise CannotStart("the deny list cannot be read from redis: no token would be issued")
        except BaseException:  # also of a reload that is cancelled: what was opened is closed
            self.rollback()
            raise

    async def first_look(self) -> None:
        """Wait until the deny list has been looked at, whether it could be read or not."""
        await self._has_read_deny_list(self.active.configuration)

    async def _has_read_deny_list(self, configuration: Configuration, present: Configuration | None = None) -> bool:
        if self._resources is None:
            return True
        known = None if present is None else present.options
        return await self._resources.has_read_deny_list(configuration.options, known)

    def commit(self) -> None:
        """Serve the configuration that was prepared; requests that have begun keep theirs."""
        if self._prepared is None:
            return
        replaced = self.active.configuration.built_apps
        self.active, self._prepared, self._opened_before = self._prepared, None, None
        asyncio.get_running_loop().call_later(RELEASE_SECONDS, _release, list(replaced.values()))
        self.log.configure(self.active.configuration.options.server)
        self._commits += 1  # the timer gets a number: with the configuration itself, replaced ones would stay in memory
        asyncio.get_running_loop().call_later(self.deadlines.answer + 1, self._close_unused, self._commits)

    def rollback(self) -> None:
        """Forget the configuration that was prepared, and close what only it needed. No request has used that."""
        self._prepared = None
        if self._resources is not None and self._opened_before is not None:
            self._resources.close_all_except(self._opened_before)
        self._opened_before = None
        asyncio.get_running_loop().call_later(self.deadlines.answer + 1, self._close_unused, self._commits)

    def drain(self) -> None:
        """Say that it is not ready, and close each connection with its next response."""
        self.draining = True

    def reopen_audit(self) -> None:
        """Open the files of the audit again, after their rotation."""
        if self._resources is not None:
            self._resources.reopen()

    def not_ready_reasons(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""
        reasons = ["stopping"] if self.draining else []
        audit = self.active.interfaces.audit
        if audit is not None and not audit.healthy():
            reasons.append("the audit cannot be written")
        if self._resources is not None:
            sources = self._resources.deny_sources(self.active.configuration.options)
            unread = [source.name for source in sources if not source.has_been_read]
            reasons.extend(f"the deny list has not been read from {name}" for name in unread)
        return reasons

    def snapshot(self, extra: Mapping[str, dict[Labels, float]] = {}) -> Snapshot:
        """The metrics of this application, and `extra` ones."""
        gauges: Values = {
            "tokend_requests_in_flight": {(): float(self.in_flight)},
            "tokend_workers": {(): 1.0},
            **process_usage(),
            **extra,
        }
        if self._resources is not None:
            gauges["tokend_jwks_age_seconds"] = {(source,): age for source, age in self._resources.keys.ages()}
            if (counts := self._resources.redis_counts(self.active.configuration.options)) is not None:
                gauges["tokend_limiter_healthy"] = {(): float(counts)}
            if sources := self._resources.deny_sources(self.active.configuration.options):
                gauges["tokend_deny_list_entries"] = {(source.name,): float(source.entries) for source in sources}
                gauges["tokend_deny_list_problems"] = {(source.name,): float(source.problems) for source in sources}
                gauges["tokend_deny_list_age_seconds"] = {(source.name,): source.age() for source in sources}
        audit = self.active.interfaces.audit
        if audit is not None:
            gauges["tokend_audit_healthy"] = {(): float(audit.healthy())}
        return self.metrics.snapshot(gauges)

    def is_proxy(self, address: str) -> bool:
        """Whether an address is that of a trusted proxy."""
        return self.active.configuration.options.server.trusted_proxies.trust(address)

    def _activated(
        self, configuration: Configuration, taken_routes: Mapping[str, tuple[TakenRoute, ...]], table: RouteTable
    ) -> ActiveConfiguration:
        if self._resources is None:
            raise CannotStart("the application has not started: reload it while it serves")
        interfaces = counted_in(self.metrics, self._resources.open(configuration.options))
        knows_clients = configuration.knows_clients(self.listen)
        return ActiveConfiguration(configuration, table, interfaces, knows_clients, taken_routes)

    def _warnings_of(self, configuration: Configuration, now: float) -> tuple[str, ...]:
        """The warnings in one process with this listener; `now` in Unix seconds."""
        return replace(configuration.with_workers(1), listen=self.listen).warnings_at(now)

    async def _install(self, isolated: Isolated, files: Files) -> list[str]:
        try:
            await self.prepare(isolated.configuration, isolated.taken_routes)
        except CannotStart as error:
            return [str(error)]
        self.commit()
        return []

    def _close_unused(self, commits: int) -> None:
        """Close what only replaced configurations used, unless another was committed since."""
        if self._resources is not None and self._commits == commits and self._prepared is None:
            self._resources.close_all_except(needed_by(self.active.configuration.options))


def _release(apps: list[Any]) -> None:
    """Free the replaced apps in a thread, one by one: thousands of them at once would stop the event loop for 0.1 s."""

    def release() -> None:
        while apps:
            apps.pop()

    Thread(target=release, daemon=True).start()  # the loop's executor may be closed already


def open_tracing() -> "Tracing":
    """The exporter of spans, for `server.traces`. Raises `CannotStart` if its packages are missing."""
    try:
        from tokend.telemetry.tracing import Tracing  # an extra, which takes a while to import
    except ImportError as error:
        what = "server.traces is true, but its packages are missing"
        raise CannotStart(f"{what}: {install_command('otel')}") from error
    return Tracing()


CONTROL: Final = web.AppKey("tokend_control", Control)
"""The key under which an application made by `tokend.create_app` keeps its `Control`."""
