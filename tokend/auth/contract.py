"""What an auth scheme is: it authenticates the callers of one app and route. This module is the whole interface.

A scheme is found through the entry-point group `tokend.auth`; the entry's name is the key that a caller has in the
configuration. It is pure: no I/O, clock or randomness. The keys of identity providers come as an argument.
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


class Bearer(Struct, frozen=True):
    """The text after `Authorization: Bearer`."""


class Header(Struct, frozen=True):
    """A header of its own, such as `X-API-Key`."""

    name: str


class PathKey(Struct, frozen=True):
    """The part of the path after `/k/`."""


class Cookie(Struct, frozen=True):
    """A cookie, which counts only where a page that `cors` names sends it. All schemes of a route read the same one."""

    name: str


class ProxyHeaders(Struct, frozen=True):
    """Headers that count only where a trusted proxy sends them; `names` in lower case."""

    names: frozenset[str] = frozenset()


Source = Bearer | Header | PathKey | Cookie | ProxyHeaders
"""Where in a request a scheme looks for credentials."""
BEARER: Final = Bearer()
PATH_KEY: Final = PathKey()
PROXY_HEADERS: Final = ProxyHeaders()
"""For a class; its instances set `reads` to a `ProxyHeaders` with the names."""


class Credentials(Struct, frozen=True):
    """The credentials that a request carries, as text; None: it carries none of that sort.

    `headers`: those that schemes of the route read, by name in lower case. `other`: an Authorization header that is no
    Bearer, or a credential that cannot be read; no scheme knows it. `proxied`: the headers of a trusted proxy that schemes
    of the route read, by name in lower case, each with all its values; None: none counts. `unproxied`: why those that
    were sent do not count, for the operator.
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
        """How many credentials the client itself sent. Cookies and a proxy's headers do not count."""
        return (self.bearer is not None) + len(self.headers) + (self.path_key is not None) + self.other


class SigningKeys(Struct, frozen=True):
    """An app's keys for signed URLs by name, primary and perhaps secondary; `signing` names the one that signs."""

    keys: Mapping[str, "jwk.Key"]
    signing: str


class AppContext(Struct, frozen=True):
    """The app whose callers a scheme authenticates. `signing_keys`: those of its signed URLs, None if it has none."""

    name: str
    signing_keys: SigningKeys | None = None


Place = tuple[str | int, ...]
"""A place in the configuration: the name of a caller, then keys and indexes below the scheme's key."""


class AuthScheme(ABC):
    """Built once for an app and route, with the options of those of its callers that use the scheme."""

    name: ClassVar[str]
    """The name of the entry point."""
    api_version: ClassVar[int] = 1
    """The version of `tokend.plugins` that it was written for."""
    Options: ClassVar[type[BaseModel]]
    """What stands under the scheme's key of a caller; a field of type `Secret` is `{env: …}` and its like there."""
    reads: tuple[Source, ...] = ()
    """Where its credentials are. An instance may set what its callers read in particular."""
    priority: ClassVar[int] = 50
    """Schemes are tried in this order, the lowest first."""
    brings_claims: ClassVar[bool] = False
    """Whether its callers have claims, which rules can name."""
    needs_rules: ClassVar[bool] = True
    """Whether a caller without `rules` is an error. If not, it may have any token without a wildcard."""
    takes_anybody: ClassVar[bool] = False
    """Whether a request without any credential is a caller."""

    def __init__(self, app: AppContext, callers: Mapping[str, Any]) -> None:
        """`callers`: the options of each caller, by its name. No problem was found with them."""
        self.app = app
        self.callers = callers

    @classmethod
    def problems(cls, app: AppContext, callers: Mapping[str, Any]) -> Iterable[tuple[Place, str]]:
        """What is wrong with the options of an app's callers: where, and a sentence that follows the place."""
        return ()

    @classmethod
    def problems_of_route(cls, callers: Mapping[str, Any]) -> Iterable[str]:
        """What keeps callers from being on one route, in sentences that follow the route's `callers`."""
        return ()

    @classmethod
    def problems_between_apps(cls, callers: Mapping[tuple[str, str], Any]) -> Iterable[tuple[Place, str]]:
        """The same as `problems` for the callers of all apps. Their names, and the places, begin with the app's name."""
        return ()

    @classmethod
    def keys(cls, options: Any) -> Sequence["Key"]:
        """The keys that a caller has by digest: none may serve two callers, and the log says when one ends."""
        return ()

    @abstractmethod
    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        """The caller; None if no credential here is of this scheme; raises `ApiError` for one that is, and is bad.

        `now` in Unix seconds. `keys`: those of identity providers.
        """


def not_known(operator: str | None = None) -> ApiError:
    """The 401 for a credential that is of no use here, one sentence for all. `operator`: why, for the log alone."""
    return ApiError(Code.CREDENTIAL_INVALID, "this credential is not known here", operator=operator)
