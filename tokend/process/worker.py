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

from tokend.adapters.resources import CannotStart, Outside
from tokend.core.interfaces import Ports
from tokend.http.connection_limiter import Caps, Deadlines, Guard
from tokend.http.handler import Door, Loaded
from tokend.http.request_parsing import MAX_BODY
from tokend.http.server import Handle, Refuse, Server
from tokend.issuing.configuration import Listen, ServerSettings, Setup
from tokend.process.sockets import address_of
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics, Snapshot, Values

if TYPE_CHECKING:
    from tokend.telemetry.tracing import Spans

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
        self._outside = Outside(log, secrets.token_hex(8))
        self._guard = Guard(Deadlines(), caps, log, time.monotonic, self._is_proxy)
        self._offered: Loaded | None = None
        self._listen: Listen | None = None
        self._spans: Spans | None = None
        self._door: Door
        self._runner: web.ServerRunner
        self._sites: list[web.SockSite]

    async def start(self, setup: Setup, listener: socket.socket) -> None:
        """Answer on the listener; `CannotStart` where a file of the server's own cannot be used."""
        self._listen = address_of(listener)
        try:
            loaded = self._loaded(setup)
            self._spans = _open_spans(setup.server)
        except CannotStart:
            await self._outside.close()
            raise
        self._door = Door(loaded, self._log, metrics=self.metrics, spans=self._spans)
        self._runner = runner_of(self._door, self._guard)
        await self._runner.setup()
        self._guard.start()
        listeners = (listener, *(listener.dup() for _ in range(ACCEPTS - 1)))
        self._sites = [web.SockSite(self._runner, one, backlog=BACKLOG) for one in listeners]
        for site in self._sites:
            await site.start()

    @property
    def setup(self) -> Setup:
        return self._door.loaded.setup

    def offer(self, setup: Setup) -> None:
        """Make ready for another Setup; `CannotStart` where it cannot be. Requests still get the present one."""
        self._offered = self._loaded(setup)

    def swap(self) -> None:
        """From now on requests get the Setup that was offered; those that have begun keep theirs."""
        if self._offered is None:
            return
        self._door.loaded, self._offered = self._offered, None
        kept = self._door.loaded.opened
        asyncio.get_running_loop().call_later(Deadlines().answer + 1, self._retire_all_but, kept)

    def withdraw(self) -> None:
        """Forget the Setup that was offered."""
        self._offered = None
        self._outside.retire(self._door.loaded.opened)

    def _loaded(self, setup: Setup) -> Loaded:
        return Loaded.of(setup, self._outside.open(setup), setup.knows_clients(self._listen), self.metrics)

    def reopen_audit(self) -> None:
        self._outside.reopen()

    def _is_proxy(self, address: str) -> bool:
        return self._door.loaded.proxies.trust(address)

    def unready(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""
        return self._door.unready()

    def snapshot(self) -> Snapshot:
        """The process's metrics."""
        gauges: Values = {
            "tokend_requests_in_flight": {(): float(self._door.in_flight)},
            "tokend_connections": {(): float(self._guard.open)},
            "tokend_workers": {(): 1.0},
            "tokend_jwks_age_seconds": {(source,): age for source, age in self._outside.keys.ages()},
        }
        audit = self._door.loaded.ports.audit
        if audit is not None:
            gauges["tokend_audit_healthy"] = {(): float(audit.healthy())}
        if (counts := self._outside.redis_counts(self._door.loaded.opened)) is not None:
            gauges["tokend_limiter_healthy"] = {(): float(counts)}
        found = self.metrics.snapshot(gauges)
        closed: dict[tuple[str, ...], float] = {(reason,): count for reason, count in self._guard.closed.items()}
        return replace(found, values={**found.values, "tokend_connections_closed": closed})

    async def stop(self, delay: float) -> None:
        """Not ready at once; still serving for `delay` seconds; then accept nothing, finish what has begun, and close."""
        self._door.draining = True
        await asyncio.sleep(delay)
        for site in self._sites:
            await site.stop()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while (self._guard.open and loop.time() < begun + LAST_CALL_SECONDS) or (
            self._guard.busy and loop.time() < begun + DRAIN_SECONDS
        ):
            await asyncio.sleep(0.02)
        self._guard.stop()
        await self._runner.cleanup()
        await self._outside.close()
        if self._spans is not None:
            await self._spans.close()

    def _retire_all_but(self, ports: Ports) -> None:
        if self._door.loaded.opened is ports and self._offered is None:
            self._outside.retire(ports)


def _open_spans(settings: ServerSettings) -> "Spans | None":
    """Where `server.traces` asks for them; `CannotStart` where their packages are missing."""
    if not settings.traces:
        return None
    try:
        from tokend.telemetry.tracing import Spans  # an extra, which takes a while to import
    except ImportError as error:
        raise CannotStart("server.traces is true, but its packages are missing: pip install tokend[otel]") from error
    return Spans()


def runner_of(door: Door, guard: Guard) -> web.ServerRunner:
    """What runs the door, with every setting of aiohttp's that is not its default."""
    return runner_for(door.handle, door.refuse_unread, guard)


def runner_for(handle: Handle, refuse: Refuse, guard: Guard) -> web.ServerRunner:
    """The same for any handler."""
    server = Server(
        handle,
        refuse,
        guard,
        MAX_BODY,
        access_log=None,
        keepalive_timeout=IDLE_SECONDS,
        lingering_time=LINGER_SECONDS,
        auto_decompress=False,
    )
    return web.ServerRunner(server, shutdown_timeout=LAST_CALL_SECONDS)
