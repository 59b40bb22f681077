"""One process's share of the work: a door on a listening socket, with its guard, its metrics and what the issuer awaits.

Does not know whether it is alone or one of several: `alone.py` and `supervisor.py` do.
"""

import asyncio
import secrets
import socket
import time
from typing import TYPE_CHECKING, Final

from aiohttp import web
from msgspec.structs import replace

from tokend.adapters.resources import CannotStart, Resources
from tokend.core.interfaces import Interfaces
from tokend.http.connection_limiter import Caps, ConnectionLimiter, Deadlines
from tokend.http.handler import ActiveConfiguration, Handler
from tokend.http.request_parsing import MAX_BODY
from tokend.http.server import Handle, RenderError, Server
from tokend.issuing.configuration import Configuration
from tokend.issuing.server_settings import Listen, ServerSettings
from tokend.process.sockets import address_of
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics, Snapshot, Values

if TYPE_CHECKING:
    from tokend.telemetry.tracing import Tracing

BACKLOG: Final = 1024
ACCEPTS: Final = 8
"""How many connections are accepted in one turn of the loop: libuv takes one of each listening descriptor, and a turn
under load is long. Not all that wait: other workers want some of them."""
LINGER_SECONDS: Final = 1.0
"""The longest that the rest of a refused body is read and thrown away, so that its sender sees the answer."""
IDLE_SECONDS: Final = 75.0
"""How long an idle connection is kept."""
DRAIN_SECONDS: Final = 10.0
"""The longest that requests in flight are waited for at the end."""
LAST_CALL_SECONDS: Final = 1.0
"""How long idle connections may still bring a request at the end: it is answered, and told to close."""


class Worker:
    """Made in a running loop. `start`, then any number of `offer` with `swap` or `withdraw`, then `stop`."""

    def __init__(self, log: JsonLog, caps: Caps) -> None:
        self.metrics = Metrics()
        self._log = log
        self._resources = Resources(log, secrets.token_hex(8))
        self._connection_limiter = ConnectionLimiter(Deadlines(), caps, log, time.monotonic, self._is_proxy)
        self._offered: ActiveConfiguration | None = None
        self._listen: Listen | None = None
        self._tracing: Tracing | None = None
        self._handler: Handler
        self._runner: web.ServerRunner
        self._sites: list[web.SockSite]

    async def start(self, configuration: Configuration, listener: socket.socket) -> None:
        """Answer on the listener; `CannotStart` where a file of the server's own cannot be used."""
        self._listen = address_of(listener)
        try:
            loaded = self._activated(configuration)
            self._tracing = _open_tracing(configuration.server)
        except CannotStart:
            await self._resources.close()
            raise
        self._handler = Handler(loaded, self._log, metrics=self.metrics, tracing=self._tracing)
        self._runner = runner_of(self._handler, self._connection_limiter)
        await self._runner.setup()
        self._connection_limiter.start()
        listeners = (listener, *(listener.dup() for _ in range(ACCEPTS - 1)))
        self._sites = [web.SockSite(self._runner, one, backlog=BACKLOG) for one in listeners]
        for site in self._sites:
            await site.start()

    @property
    def configuration(self) -> Configuration:
        return self._handler.loaded.configuration

    def prepare(self, configuration: Configuration) -> None:
        """Make ready for another Setup; `CannotStart` where it cannot be. Requests still get the present one."""
        self._offered = self._activated(configuration)

    def commit(self) -> None:
        """From now on requests get the Setup that was offered; those that have begun keep theirs."""
        if self._offered is None:
            return
        self._handler.loaded, self._offered = self._offered, None
        kept = self._handler.loaded.opened
        asyncio.get_running_loop().call_later(Deadlines().answer + 1, self._retire_all_but, kept)

    def rollback(self) -> None:
        """Forget the Setup that was offered."""
        self._offered = None
        self._resources.close_all_except(self._handler.loaded.opened)

    def _activated(self, configuration: Configuration) -> ActiveConfiguration:
        return ActiveConfiguration.of(
            configuration, self._resources.open(configuration), configuration.knows_clients(self._listen), self.metrics
        )

    def reopen_audit(self) -> None:
        self._resources.reopen()

    def _is_proxy(self, address: str) -> bool:
        return self._handler.loaded.proxies.trust(address)

    def not_ready_reasons(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""
        return self._handler.not_ready_reasons()

    def snapshot(self) -> Snapshot:
        """The process's metrics."""
        gauges: Values = {
            "tokend_requests_in_flight": {(): float(self._handler.in_flight)},
            "tokend_connections": {(): float(self._connection_limiter.open)},
            "tokend_workers": {(): 1.0},
            "tokend_jwks_age_seconds": {(source,): age for source, age in self._resources.keys.ages()},
        }
        audit = self._handler.loaded.interfaces.audit
        if audit is not None:
            gauges["tokend_audit_healthy"] = {(): float(audit.healthy())}
        if (counts := self._resources.redis_counts(self._handler.loaded.opened)) is not None:
            gauges["tokend_limiter_healthy"] = {(): float(counts)}
        found = self.metrics.snapshot(gauges)
        closed: dict[tuple[str, ...], float] = {
            (reason,): count for reason, count in self._connection_limiter.closed.items()
        }
        return replace(found, values={**found.values, "tokend_connections_closed": closed})

    async def stop(self, delay: float) -> None:
        """Not ready at once; still serving for `delay` seconds; then accept nothing, finish what has begun, and close."""
        self._handler.draining = True
        await asyncio.sleep(delay)
        for site in self._sites:
            await site.stop()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while (self._connection_limiter.open and loop.time() < begun + LAST_CALL_SECONDS) or (
            self._connection_limiter.busy and loop.time() < begun + DRAIN_SECONDS
        ):
            await asyncio.sleep(0.02)
        self._connection_limiter.stop()
        await self._runner.cleanup()
        await self._resources.close()
        if self._tracing is not None:
            await self._tracing.close()

    def _retire_all_but(self, interfaces: Interfaces) -> None:
        if self._handler.loaded.opened is interfaces and self._offered is None:
            self._resources.close_all_except(interfaces)


def _open_tracing(settings: ServerSettings) -> "Tracing | None":
    """Where `server.traces` asks for them; `CannotStart` where their packages are missing."""
    if not settings.traces:
        return None
    try:
        from tokend.telemetry.tracing import Tracing  # an extra, which takes a while to import
    except ImportError as error:
        raise CannotStart("server.traces is true, but its packages are missing: pip install tokend[otel]") from error
    return Tracing()


def runner_of(handler: Handler, connection_limiter: ConnectionLimiter) -> web.ServerRunner:
    """What runs the door, with every setting of aiohttp's that is not its default."""
    return runner_for(handler.handle, handler.handle_unread, connection_limiter)


def runner_for(handle: Handle, render_error: RenderError, connection_limiter: ConnectionLimiter) -> web.ServerRunner:
    """The same for any handler."""
    server = Server(
        handle,
        render_error,
        connection_limiter,
        MAX_BODY,
        access_log=None,
        keepalive_timeout=IDLE_SECONDS,
        lingering_time=LINGER_SECONDS,
        auto_decompress=False,
    )
    return web.ServerRunner(server, shutdown_timeout=LAST_CALL_SECONDS)
