"""What an auth scheme is. Three answers: None (not mine), a caller (mine and good), or a `Refusal` (mine but bad)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from msgspec import Struct

from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Keys
from tokend.core.model import Caller


class Credentials(Struct, frozen=True):
    """The credentials that a request carries, as text; None: it carries none of that sort.

    `other`: an Authorization header that is no Bearer, or one that cannot be read. No scheme knows it.
    `proxied`: those headers of a trusted proxy that callers of the route read, by name in lower case, each with all its
    values; None: none counts. `unproxied`: why those that were sent do not, for the operator.
    """

    bearer: str | None = None
    api_key: str | None = None
    url_key: str | None = None
    cookie: str | None = None
    other: bool = False
    proxied: Mapping[str, Sequence[str]] | None = None
    unproxied: str | None = None

    @property
    def total(self) -> int:
        return (self.bearer is not None) + (self.api_key is not None) + (self.url_key is not None) + self.other


class AuthScheme(ABC):
    """Built once for the callers of a route that use it. Asynchronous, since some wait for keys."""

    name: ClassVar[str]

    @abstractmethod
    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        """Who asks, None if that is not this scheme's to say; `Refusal` (401) where it is, and is bad.

        `now` in Unix seconds. `keys`: those of identity providers.
        """


def not_known(operator: str | None = None) -> ApiError:
    """The 401 for a credential that is of no use here, one sentence for all. `operator`: why, for the log alone."""
    return ApiError(Code.CREDENTIAL_INVALID, "this credential is not known here", operator=operator)
