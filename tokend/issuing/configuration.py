"""A configuration that is ready for requests: apps with their backends and rules, and their routes. Immutable.

`config/` makes it from files. A request uses the same configuration from beginning to end, also across a reload.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tokend.auth.authenticator import Authenticator
from tokend.auth.contract import SigningKeys
from tokend.auth.key_digests import Expiry
from tokend.backends.contract import Backend
from tokend.core.folding import fold
from tokend.core.listening import Listen
from tokend.core.rate_limits import NO_LIMITS
from tokend.core.rules import Rule
from tokend.core.validation import StrictModel
from tokend.dialects.contract import Dialect, FieldTypes
from tokend.issuing.app_options import AppOptions, Parts, RouteOptions, TtlBounds
from tokend.issuing.field_types import field_types
from tokend.issuing.server_settings import RootOptions


class App(Struct, frozen=True):
    """One tenant. `rules` by caller name; `backends` by kind. `options`: what is used as it is written.

    `url_signing`: the keys of its signed URLs. `undated_callers`: names of callers whose credentials have no issue time.
    """

    name: str
    app_id: str | None
    backends: Mapping[str, Backend]
    rules: Mapping[str, tuple[Rule, ...]]
    options: AppOptions = AppOptions()
    url_signing: SigningKeys | None = None
    undated_callers: frozenset[str] = frozenset()


class Route(Struct, frozen=True):
    """A route of an app, ready for requests. `options`: as written, but with the effective lifetimes.

    `dialect_options`: those of each dialect, by its name. `warnings`: what the dialects say of them to the operator.
    """

    app: App
    options: RouteOptions
    dialects: tuple[Dialect, ...]
    authenticator: Authenticator
    callers: tuple[str, ...]
    dialect_options: Mapping[str, StrictModel] = {}
    warnings: tuple[str, ...] = ()

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
    def cors_headers(self) -> frozenset[str]:
        """Request headers that pages may send: those of its auth schemes, and those that the app names."""
        return frozenset(self.authenticator.headers) | self.app.options.cors.headers

    def field_types(self, kind: str) -> FieldTypes:
        """The fields of a kind of its app; none for any other name."""
        backend = self.app.backends.get(kind)
        return {} if backend is None else field_types(backend.Fields)

    @property
    def prefix(self) -> str:
        """The path that the URLs of clients begin with, such as `/` or `/demo`."""
        return self.options.path


_ADDRESSES_OFF: Final = (
    "limits by address are off: this server seems to stand behind a proxy, whose address would be everybody's; "
    "name the proxy in server.trusted_proxies"
)

_WORKER_PER_CORE: Final = ("each worker (auto: one a core)", "that many times")


class KeyEnd(Struct, frozen=True):
    """When a key of a caller ends. `scheme`: that of the caller."""

    app: str
    caller: str
    scheme: str
    expiry: Expiry


class Configuration(Struct, frozen=True):
    """The whole configuration, ready for use. `listen`: where the server listens in the end.

    `warnings` are for the operator, at every start.
    """

    source: str
    listen: Listen
    apps: Mapping[str, App]
    routes: tuple[Route, ...]
    warnings: tuple[str, ...] = ()
    options: RootOptions = RootOptions()
    fingerprint: str = ""
    """16 hex digits that change with every byte of the configuration, secrets included."""
    apps_fingerprint: str = ""
    """16 hex digits that change with the apps as they are written, `defaults` merged. Contents of secrets are not in it."""
    settings_fingerprint: str = ""
    """16 hex digits that change with what is outside the apps, secrets included."""
    key_ends: tuple[KeyEnd, ...] = ()
    platform_port: bool = False
    """Whether a platform chose the port that it listens on."""
    built_apps: Mapping[str, Any] = {}
    """Each app as `config/` built it. Only `config/` reads it, to compare it with the next version of the file."""

    def callers(self) -> dict[str, tuple[str, ...]]:
        """The names of each app's callers."""
        return {app.name: tuple(app.rules) for app in self.apps.values()}

    def undated_callers(self) -> dict[str, frozenset[str]]:
        """The names of each app's callers whose credentials have no issue time."""
        return {app.name: app.undated_callers for app in self.apps.values()}

    def knows_clients(self, listen: Listen) -> bool:
        """Whether the addresses of clients are known, for rate limits. `listen`: the bound address.

        On loopback or a platform's port, connections most likely come from a proxy. Nothing that a client sends counts.
        """
        return bool(self.options.server.trusted_proxies.written) or not (listen.is_loopback or self.platform_port)

    def with_workers(self, workers: int) -> "Configuration":
        """The same configuration, served by this number of processes whatever it says itself."""
        server = self.options.server.model_copy(update={"workers": workers})
        return replace(self, options=self.options.model_copy(update={"server": server}))

    def warnings_at(self, now: float) -> tuple[str, ...]:
        """All warnings that apply at a time in Unix seconds; one that is the same for several apps stands there once."""
        limited = any(app.options.limits.address for app in self.apps.values())
        off = (_ADDRESSES_OFF,) if limited and not self.knows_clients(self.listen) else ()
        ended = (
            f"app {end.app}: a key of caller {end.caller} ({end.scheme}) ended at {end.expiry.written}, "
            "and requests with that key are refused"
            for end in self.key_ends
            if now > end.expiry.at
        )
        return (*fold(self.warnings), *off, *self._counted_apart(), *fold(ended))

    def next_key_ends(self, now: float) -> dict[tuple[str, ...], float]:
        """By app and caller: when its next key ends, or, if none is left that will, when its last one ended."""
        found: dict[tuple[str, ...], list[int]] = {}
        for end in self.key_ends:
            found.setdefault((end.app, end.caller), []).append(end.expiry.at)
        return {
            names: float(min((at for at in times if at >= now), default=max(times))) for names, times in found.items()
        }

    def _counted_apart(self) -> tuple[str, ...]:
        """A warning if several processes each count rate limits by themselves."""
        workers = self.options.server.workers
        if (
            self.options.redis is not None
            or workers == 1
            or all(app.options.limits == NO_LIMITS for app in self.apps.values())
        ):
            return ()
        each, times = (f"each of the {workers} workers", f"{workers} times") if workers else _WORKER_PER_CORE
        return (
            f"{each} counts rate limits by itself, so together they admit up to {times} what `limits` says. "
            "Name a `redis`, which counts for all, or run one worker",
        )
