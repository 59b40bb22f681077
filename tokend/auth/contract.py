"""The interface of auth schemes. A scheme authenticates the callers of one app and route.

Schemes are found through the entry-point group `tokend.auth`. The entry's name is the key of a caller in the
configuration. A scheme uses no I/O, clock or randomness. It gets the keys of identity providers as an argument.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec import Struct
from pydantic import BaseModel

from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Keys
from tokend.core.model import Caller

if TYPE_CHECKING:
    from tokend.auth import jwk
    from tokend.auth.key_digests import Key
    from tokend.core.claims import Condition


class Bearer(Struct, frozen=True):
    """The text after `Authorization: Bearer`."""


class Header(Struct, frozen=True):
    """A header other than Authorization, such as `X-API-Key`."""

    name: str


class PathKey(Struct, frozen=True):
    """The segment of the path after `/k/`."""


class Cookie(Struct, frozen=True):
    """A cookie, which counts only if a page that `cors` names sends it. All schemes of a route read the same cookie."""

    name: str


class ProxyHeaders(Struct, frozen=True):
    """Headers that count only if a trusted proxy sends them; `names` in lower case."""

    names: frozenset[str] = frozenset()


Source = Bearer | Header | PathKey | Cookie | ProxyHeaders
"""A place in a request where a scheme reads credentials."""
BEARER: Final = Bearer()
PATH_KEY: Final = PathKey()
PROXY_HEADERS: Final = ProxyHeaders()
"""The value of `reads` of a class whose instances set a `ProxyHeaders` with names."""


class Credentials(Struct, frozen=True):
    """The credentials in a request, as text. None means that there is none of that type.

    `headers`: those that schemes of the route read, by name in lower case. `other`: whether there is an Authorization
    header other than Bearer, or a credential that cannot be read; no scheme accepts it. `proxied`: the headers of a
    trusted proxy that schemes of the route read, by name in lower case, each with all its values; None if none count.
    `unproxied`: why such headers do not count, for the operator.
    """

    bearer: str | None = None
    headers: Mapping[str, str] = {}
    path_key: str | None = None
    cookie: str | None = None
    other: bool = False
    proxied: Mapping[str, Sequence[str]] | None = None
    unproxied: str | None = None

    @property
    def total(self) -> int:
        """The number of credentials from the client itself, without cookies and headers of a proxy."""
        return (self.bearer is not None) + len(self.headers) + (self.path_key is not None) + self.other


class SigningKeys(Struct, frozen=True):
    """An app's keys for signed URLs by name: primary and optionally secondary. `signing`: the name of the key that signs."""

    keys: Mapping[str, "jwk.Key"]
    signing: str


class AppContext(Struct, frozen=True):
    """The app whose callers a scheme authenticates. `signing_keys`: the keys of its signed URLs, None if it has none."""

    name: str
    signing_keys: SigningKeys | None = None


Place = tuple[str | int, ...]
"""A place in the configuration: the name of a caller, then keys and indexes below the scheme's key."""


class AuthScheme(ABC):
    """An auth scheme. An instance serves the callers of one app and route that use the scheme."""

    name: ClassVar[str]
    """The name of the entry point."""
    api_version: ClassVar[int] = 1
    """The version of `tokend.plugins` that it was written for."""
    Options: ClassVar[type[BaseModel]]
    """The model of the value under the scheme's key of a caller. The YAML writes a field of type `Secret` as `{env: …}`."""
    instructions: ClassVar[str] = ""
    """How a client authenticates, in sentences for the people who write clients. The API reference shows them."""
    reads: tuple[Source, ...] = ()
    """Where it reads credentials. An instance may set the sources of its callers."""
    priority: ClassVar[int] = 50
    """Schemes are tried in ascending order of this number."""
    brings_claims: ClassVar[bool] = False
    """Whether its callers have claims, which rules can use."""
    needs_rules: ClassVar[bool] = True
    """Whether a caller without `rules` is an error, as with claims. If False, it may have any token without capabilities."""
    takes_anybody: ClassVar[bool] = False
    """Whether it accepts a request without any credential."""
    has_issue_time: ClassVar[bool] = True
    """Whether its credentials may have an issue time. If False, no deny entry with `issued_before` can be added for them."""
    from_web_pages: ClassVar[bool] = False
    """Whether web pages usually send its credentials. Then an app without `cors` gets a warning."""

    def __init__(self, app: AppContext, callers: Mapping[str, Any]) -> None:
        """`callers`: the options of each caller by name. They have passed all checks."""
        self.app = app
        self.callers = callers

    @classmethod
    def problems(cls, app: AppContext, callers: Mapping[str, Any]) -> Iterable[tuple[Place, str]]:
        """Problems of the options of an app's callers: the place, and a sentence that follows it."""
        return ()

    @classmethod
    def problems_of_route(cls, callers: Mapping[str, Any]) -> Iterable[str]:
        """Why these callers cannot be on the same route, in sentences that follow the route's `callers`."""
        return ()

    @classmethod
    def problems_between_apps(cls, callers: Mapping[tuple[str, str], Any]) -> Iterable[tuple[Place, str]]:
        """Problems between the callers of all apps, as in `problems`, at the later of two. Each begins with the app."""
        return ()

    @classmethod
    def keys(cls, options: Any) -> Sequence["Key"]:
        """The keys of a caller, known by digest. Two callers may not have the same key; the log says when a key expires."""
        return ()

    @classmethod
    def requirements(cls, options: Any) -> Sequence["Condition"]:
        """What a caller's options require of the claims, whatever its rules; `tokend explain --as` checks it."""
        return ()

    def not_mine(self, credentials: Credentials) -> str | None:
        """Why a credential that no scheme of the route accepted is none of this scheme's, for the log; None if unknown."""
        return None

    @abstractmethod
    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        """The caller, or None if no credential is for this scheme. Raises `ApiError` (401) for a bad credential.

        `now` in Unix seconds. `keys`: those of identity providers.
        """


def not_known(operator: str | None = None) -> ApiError:
    """The error (401) for a credential that is not accepted, always the same. `operator`: the reason, only for the log."""
    return ApiError(Code.CREDENTIAL_INVALID, "unknown or invalid credential", operator=operator)
