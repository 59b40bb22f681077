"""A ready Setup: apps with their backends, rules and origins, and the routes on which they answer. Immutable.

`config/` assembles it; the server holds one reference to it, and a request keeps the one that it began with.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

from tokend.auth.authenticator import Authenticator
from tokend.auth.contract import SigningKeys
from tokend.backends.contract import Backend
from tokend.core.interfaces import AuthorizerSettings
from tokend.core.model import PLATFORM_MAX_TTL
from tokend.core.rate_limits import NO_LIMITS, Limits
from tokend.core.rules import Rule
from tokend.core.secrets import Secret
from tokend.dialects.contract import Dialect, Endpoint, Settings


class TtlBounds(Struct, frozen=True):
    """Seconds; both ends are allowed."""

    default: int = 3600
    min: int = 60
    max: int = PLATFORM_MAX_TTL


class Origins:
    """The web pages that may read an app's answers; `null` never.

    Exact origins, `https://*.example.com` for all below a name, `http://localhost:*` for any port of this machine, or `*`.
    """

    __slots__ = ("_any", "_exact", "_pattern", "written")

    def __init__(self, written: tuple[str, ...] = ()) -> None:
        """`written`: as in the configuration, already checked by `check_origin`."""
        self.written = written
        self._any = "*" in written
        self._exact = frozenset(origin for origin in written if "*" not in origin)
        patterns = [_pattern_of(origin) for origin in written if "*" in origin and origin != "*"]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def allow(self, origin: str) -> bool:
        """Whether a browser's Origin header may read the answer."""
        if origin == "null" or not _ORIGIN.fullmatch(origin):
            return False
        if self._any or origin in self._exact:
            return True
        return self._pattern is not None and self._pattern.fullmatch(origin) is not None


_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LABELS: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:(?![/?#@])[!-~])+")
_WRITTEN: Final = re.compile(rf"[a-z][a-z0-9+.-]*://(\*\.)?({_LABELS}|\[[0-9a-f:]+\])(:[0-9]{{1,5}})?")
_ANY_PORT: Final = frozenset({"http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"})
"""For pages under development, whose port differs from day to day. On any other host each port is another party's."""


def _pattern_of(written: str) -> str:
    """The regular expression for an origin with `*`; matching takes linear time."""
    if written in _ANY_PORT:
        return re.escape(written.removesuffix(":*")) + "(?::[0-9]{1,5})?"
    return re.escape(written).replace(r"\*", _LABELS)


def check_origin(written: str) -> str | None:
    """What is wrong with an origin of the configuration; None if nothing is."""
    if written == "null":
        return "may not be null: any sandboxed page has that origin"
    if written == "*" or written in _ANY_PORT or _WRITTEN.fullmatch(written):
        return None
    if written.endswith(":*"):
        return f"any port is only possible on this machine: write {', '.join(sorted(_ANY_PORT))}, or name the port"
    return 'must be like https://app.example.com or https://*.example.com, in lower case, without a path; or "*"'


class RestApi(Struct, frozen=True):
    """Where the vendor's REST API is, without a final slash, and what it knows the operator by."""

    url: str
    customer_id: str
    customer_secret: Secret


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


class Placeholder(Struct, frozen=True):
    """A part of a path that any value fits."""

    name: str


AUTO: Final = "auto"
"""The token version of a route that leaves it to its endpoints."""

Parts = tuple[str | Placeholder, ...]


class Route(Struct, frozen=True):
    """Where an app answers, in which dialects, for which callers (the authenticator), within which lifetimes."""

    app: App
    path: Parts
    host: str | None
    dialects: tuple[Dialect, ...]
    authenticator: Authenticator
    callers: tuple[str, ...]
    ttl: TtlBounds = TtlBounds()
    clamp: bool = False
    strict_006: bool = False
    token_version: str = AUTO
    signed_uid: bool = False

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
        version = endpoint.version if self.token_version == AUTO else self.token_version
        return Settings(version, self.signed_uid)

    @property
    def prefix(self) -> str:
        """The path that a client's URL begins with, `/` or like `/demo`."""
        return prefix_of(self.path)


class AuditSettings(Struct, frozen=True):
    """Where decisions are written: paths, None for standard output. `sync`: os (the default), batch (fdatasync), off."""

    targets: tuple[str | None, ...]
    sync: str = "os"
    hash_ids: bool = False


class RedisSettings(Struct, frozen=True):
    """Where several hosts count together. `on_failure`: open (no limits), local (each process by itself) or closed."""

    url: Secret
    on_failure: str = "local"


class Listen(Struct, frozen=True):
    """Where the server listens."""

    host: str = "127.0.0.1"
    port: int = 8080

    @property
    def reachable(self) -> str:
        """The address for a client on this machine: loopback in place of a wildcard."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # compared, not bound

    @property
    def url(self) -> str:
        """Where a client on this machine reaches it."""
        host = self.reachable
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


class Admin(Struct, frozen=True):
    """Where the operator's listener is: an address, or the path of a unix socket. `key`: digest of what opens `/-/`."""

    listen: Listen | None
    unix: str | None = None
    key: str | None = None


class ServerSettings(Struct, frozen=True):
    """The server itself; read at the start alone. `workers`: 0 is one a core. `drain` in seconds.

    `connections` and `per_address` are caps for each worker; None: as many as the descriptor limit bears, no cap.
    """

    admin: Admin | None = None
    workers: int = 1
    connections: int | None = None
    per_address: int | None = None
    drain: int = 0
    watch: bool = False
    traces: bool = False


_ADDRESSES_OFF: Final = (
    "limits by address are off: this server seems to stand behind a proxy, whose address would be everybody's; "
    "name the proxy in server.trusted_proxies"
)

_ONE_A_CORE: Final = ("each worker (auto: one a core)", "that many times")


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
    trusted_proxies: tuple[str, ...] = ()
    server: ServerSettings = ServerSettings()
    fingerprint: str = ""
    """16 hex digits that differ where any byte of the configuration, secrets included, does."""
    scheduled_warnings: tuple[tuple[int, str], ...] = ()
    redis: RedisSettings | None = None
    platform_port: bool = False
    """Whether it listens on the port that a platform chose for it."""

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
        each, times = (f"each of the {workers} workers", f"{workers} times") if workers else _ONE_A_CORE
        return (
            f"{each} counts rate limits by itself, so together they admit up to {times} what `limits` says; "
            "name a `redis`, which counts for all, or run one worker",
        )


@lru_cache(maxsize=4096)
def parse_path(path: str) -> Parts:
    """`/a/{b}` -> ("a", Placeholder("b")); `/` -> ()."""
    pieces = [piece for piece in path.split("/") if piece]
    return tuple(Placeholder(one[1:-1]) if one[:1] == "{" and one[-1:] == "}" else one for one in pieces)


def prefix_of(at: Parts) -> str:
    """The opposite of `parse_path`."""
    return "/" + "/".join(part if isinstance(part, str) else f"{{{part.name}}}" for part in at)
