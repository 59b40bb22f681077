"""A configuration that is ready for requests: apps with their backends and rules, and their routes. Immutable.

`config/` reads files into it; the server holds one reference to it, and a request keeps the one that it began with.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tokend.auth.authenticator import Authenticator
from tokend.auth.contract import SigningKeys
from tokend.backends.contract import Backend
from tokend.core.interfaces import AuthorizerSettings
from tokend.core.rate_limits import NO_LIMITS, Limits
from tokend.core.rules import Rule
from tokend.dialects.contract import Dialect, Endpoint, Settings
from tokend.issuing.app_options import AUTO, Origins, Parts, RestApi, RouteOptions, TtlBounds, prefix_of
from tokend.issuing.server_settings import AuditSettings, Listen, RedisSettings, ServerSettings


class App(Struct, frozen=True):
    """One tenant. `rules` by caller; `backends` by kind. `url_signing`: the keys of its signed URLs."""

    name: str
    app_id: str | None
    backends: Mapping[str, Backend]
    rules: Mapping[str, tuple[Rule, ...]]
    origins: Origins = Origins()
    url_signing: SigningKeys | None = None
    rest: RestApi | None = None
    authorizer: AuthorizerSettings | None = None
    limits: Limits = NO_LIMITS


class Route(Struct, frozen=True):
    """A route of an app, ready for requests: `options` as they are written, with the lifetimes in force."""

    app: App
    options: RouteOptions
    dialects: tuple[Dialect, ...]
    authenticator: Authenticator
    callers: tuple[str, ...]

    @property
    def path(self) -> Parts:
        """Where it is served, taken apart."""
        return self.options.parts

    @property
    def host(self) -> str | None:
        """The host that it is for, None for any."""
        return self.options.host

    @property
    def ttl(self) -> TtlBounds:
        """The lifetimes in force."""
        return self.options.ttl

    @property
    def url_keys(self) -> bool:
        """Whether `k/<key>` may stand after the path."""
        return bool(self.authenticator.path_key_callers)

    @property
    def open_callers(self) -> tuple[str, ...]:
        """Those of the callers that anybody can be."""
        return self.authenticator.open_callers

    @property
    def url_callers(self) -> tuple[str, ...]:
        """Those of the callers that come by `k/<key>` after the path."""
        return self.authenticator.path_key_callers

    @property
    def cookie(self) -> str | None:
        """The session cookie that callers bring."""
        return self.authenticator.cookie

    @property
    def proxy_headers(self) -> frozenset[str]:
        """Headers that callers bring by a trusted proxy, in lower case."""
        return self.authenticator.proxy_headers

    @property
    def issues_006(self) -> bool:
        """Whether any of its endpoints issues version 006 tokens, since the route or its original says so."""
        endpoints = (endpoint for dialect in self.dialects for endpoint in dialect.endpoints)
        return any(self.settings(endpoint).version == "006" for endpoint in endpoints)

    def settings(self, endpoint: Endpoint) -> Settings:
        """What this route says to one of its endpoints: under `auto` the format is that of the original."""
        options = self.options
        version = endpoint.version if options.token_version == AUTO else options.token_version
        return Settings(version, options.signed_uid)

    @property
    def prefix(self) -> str:
        """The path that a client's URL begins with, `/` or like `/demo`."""
        return prefix_of(self.path)


_ADDRESSES_OFF: Final = (
    "limits by address are off: this server seems to stand behind a proxy, whose address would be everybody's; "
    "name the proxy in server.trusted_proxies"
)

_WORKER_PER_CORE: Final = ("each worker (auto: one a core)", "that many times")


class Configuration(Struct, frozen=True):
    """All that the configuration says, ready for use. `warnings` are for the operator, at every start.

    `lapses`: further ones, each with the Unix seconds after which it is due.
    """

    source: str
    listen: Listen
    apps: Mapping[str, App]
    routes: tuple[Route, ...]
    warnings: tuple[str, ...] = ()
    audit: AuditSettings | None = None
    deny_file: str | None = None
    server: ServerSettings = ServerSettings()
    fingerprint: str = ""
    """16 hex digits that differ where any byte of the configuration, secrets included, does."""
    scheduled_warnings: tuple[tuple[int, str], ...] = ()
    redis: RedisSettings | None = None
    platform_port: bool = False
    """Whether it listens on the port that a platform chose for it."""
    built_apps: Mapping[str, Any] = {}
    """Each app as `config/` built it, for comparison with the next version of the file; nobody else looks into it."""

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Addresses and networks of proxies whose headers count."""
        return tuple(self.server.trusted_proxies)

    def knows_clients(self, listen: Listen | None) -> bool:
        """Whether the addresses of clients are known, for limits. `listen`: where in the end; None is a unix socket.

        On loopback, or on a platform's port, connections come from a proxy most likely. What a client sends never decides.
        """
        return bool(self.trusted_proxies) or not (listen is None or listen.is_loopback or self.platform_port)

    def warnings_at(self, now: float) -> tuple[str, ...]:
        """All that are due at a time, in Unix seconds."""
        limited = any(app.limits.address for app in self.apps.values())
        off = (_ADDRESSES_OFF,) if limited and not self.knows_clients(self.listen) else ()
        return (
            *self.warnings,
            *off,
            *self._counted_apart(),
            *(text for after, text in self.scheduled_warnings if now > after),
        )

    def _counted_apart(self) -> tuple[str, ...]:
        """Whether several processes each count rate limits by themselves, told in a sentence."""
        workers = self.server.workers
        if self.redis is not None or workers == 1 or all(app.limits == NO_LIMITS for app in self.apps.values()):
            return ()
        each, times = (f"each of the {workers} workers", f"{workers} times") if workers else _WORKER_PER_CORE
        return (
            f"{each} counts rate limits by itself, so together they admit up to {times} what `limits` says; "
            "name a `redis`, which counts for all, or run one worker",
        )
