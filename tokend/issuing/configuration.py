"""A configuration that is ready for requests: apps with their backends and rules, and their routes. Immutable.

`config/` makes it from files. A request uses the same configuration from beginning to end, also across a reload.
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
from tokend.issuing.app_options import AUTO, Origins, Parts, RouteOptions, TtlBounds, prefix_of
from tokend.issuing.server_settings import AuditSettings, Listen, RedisSettings, ServerSettings


class App(Struct, frozen=True):
    """One tenant. `rules` by caller name; `backends` by kind. `url_signing`: the keys of its signed URLs."""

    name: str
    app_id: str | None
    backends: Mapping[str, Backend]
    rules: Mapping[str, tuple[Rule, ...]]
    origins: Origins = Origins()
    url_signing: SigningKeys | None = None
    authorizer: AuthorizerSettings | None = None
    limits: Limits = NO_LIMITS


class Route(Struct, frozen=True):
    """A route of an app, ready for requests. `options`: as written, but with the effective lifetimes."""

    app: App
    options: RouteOptions
    dialects: tuple[Dialect, ...]
    authenticator: Authenticator
    callers: tuple[str, ...]

    @property
    def path(self) -> Parts:
        """The segments of its path."""
        return self.options.parts

    @property
    def host(self) -> str | None:
        """The host name that it serves; None for any."""
        return self.options.host

    @property
    def ttl(self) -> TtlBounds:
        """The effective lifetimes."""
        return self.options.ttl

    @property
    def url_keys(self) -> bool:
        """Whether `k/<key>` may follow the path."""
        return bool(self.authenticator.path_key_callers)

    @property
    def open_callers(self) -> tuple[str, ...]:
        """Names of the callers that need no credential."""
        return self.authenticator.open_callers

    @property
    def url_callers(self) -> tuple[str, ...]:
        """Names of the callers that `k/<key>` after the path authenticates."""
        return self.authenticator.path_key_callers

    @property
    def cookie(self) -> str | None:
        """The name of the session cookie that its schemes read, or None."""
        return self.authenticator.cookie

    @property
    def proxy_headers(self) -> frozenset[str]:
        """Names of the headers that its schemes read from a trusted proxy, in lower case."""
        return self.authenticator.proxy_headers

    @property
    def issues_006(self) -> bool:
        """Whether any of its endpoints issues version 006 tokens."""
        endpoints = (endpoint for dialect in self.dialects for endpoint in dialect.endpoints)
        return any(self.settings(endpoint).version == "006" for endpoint in endpoints)

    def settings(self, endpoint: Endpoint) -> Settings:
        """The settings of one of its endpoints. With `auto`, the token format is that of the original server."""
        options = self.options
        version = endpoint.version if options.token_version == AUTO else options.token_version
        return Settings(version, options.signed_uid)

    @property
    def prefix(self) -> str:
        """The path that the URLs of clients begin with, such as `/` or `/demo`."""
        return prefix_of(self.path)


_ADDRESSES_OFF: Final = (
    "limits by address are off: this server seems to stand behind a proxy, whose address would be everybody's; "
    "name the proxy in server.trusted_proxies"
)

_WORKER_PER_CORE: Final = ("each worker (auto: one a core)", "that many times")


class Configuration(Struct, frozen=True):
    """The whole configuration, ready for use. `warnings` are for the operator, at every start.

    `scheduled_warnings`: further warnings, each with the Unix seconds after which it applies.
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
    """16 hex digits that change with every byte of the configuration, secrets included."""
    scheduled_warnings: tuple[tuple[int, str], ...] = ()
    redis: RedisSettings | None = None
    platform_port: bool = False
    """Whether a platform chose the port that it listens on."""
    built_apps: Mapping[str, Any] = {}
    """Each app as `config/` built it. Only `config/` reads it, to compare it with the next version of the file."""

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Addresses and networks of the proxies whose headers count."""
        return tuple(self.server.trusted_proxies)

    def knows_clients(self, listen: Listen | None) -> bool:
        """Whether the addresses of clients are known, for rate limits. `listen`: the bound address; None for a unix socket.

        On loopback or a platform's port, connections most likely come from a proxy. Nothing that a client sends counts.
        """
        return bool(self.trusted_proxies) or not (listen is None or listen.is_loopback or self.platform_port)

    def warnings_at(self, now: float) -> tuple[str, ...]:
        """All warnings that apply at a time in Unix seconds."""
        limited = any(app.limits.address for app in self.apps.values())
        off = (_ADDRESSES_OFF,) if limited and not self.knows_clients(self.listen) else ()
        return (
            *self.warnings,
            *off,
            *self._counted_apart(),
            *(text for after, text in self.scheduled_warnings if now > after),
        )

    def _counted_apart(self) -> tuple[str, ...]:
        """A warning if several processes each count rate limits by themselves."""
        workers = self.server.workers
        if self.redis is not None or workers == 1 or all(app.limits == NO_LIMITS for app in self.apps.values()):
            return ()
        each, times = (f"each of the {workers} workers", f"{workers} times") if workers else _WORKER_PER_CORE
        return (
            f"{each} counts rate limits by itself, so together they admit up to {times} what `limits` says; "
            "name a `redis`, which counts for all, or run one worker",
        )
