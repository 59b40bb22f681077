"""Protocols for everything that the issuer needs and that does I/O. The package `adapters` implements them."""

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from tokend.core.authorizer import AuthorizerSettings, Question
from tokend.core.errors import ApiError
from tokend.core.model import Caller, Decision, Restriction
from tokend.core.rate_limits import BucketGroup, Excess
from tokend.core.reach import Reach


class KeySource(Struct, frozen=True):
    """Where to fetch an issuer's public keys: a JWKS document at `url`, or OpenID discovery for the issuer `url`."""

    url: str
    discovery: bool = False


class Keys(Protocol):
    """Public keys of identity providers. Both methods raise `ApiError` (503) while the provider cannot be reached."""

    async def get_keys(self, source: KeySource) -> Sequence[Any]:
        """Return the known keys of the source."""

    async def refresh_keys(self, source: KeySource) -> Sequence[Any]:
        """Fetch the keys again, for a token that none of the known keys verifies."""


class AuditSink(Protocol):
    """Writes decisions to the audit log before a token is released."""

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        """Write all decisions, or raise. If it raises, no token of these decisions is released."""

    def healthy(self) -> bool:
        """Return whether the log can be written. If not, the server is not ready."""


class DenyList(Protocol):
    """Temporary blocks of users, channels, callers and URLs."""

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        """Return a sentence that states why the grant is denied, or None if it is not."""


class Authorizer(Protocol):
    """An app's own web service, which may reject or restrict what the rules allow."""

    async def authorize(
        self, settings: AuthorizerSettings, questions: Sequence[Question], request_id: str
    ) -> Sequence[Restriction | ApiError | None]:
        """Return an answer for each question, in order. None allows the grant unchanged.

        If the authorizer gives no answer, the result is an `ApiError` (503).
        """


class Limiter(Protocol):
    """Enforces rate limits."""

    async def take(self, groups: Sequence[BucketGroup]) -> list[Excess | None]:
        """Return for each token request, in order, None if it is within its limits.

        Raises `ApiError` (503) if the limits cannot be checked and the configuration requires the check.
        """


class BatchScheduler(Protocol):
    """Divides processing time between batches and single requests."""

    async def wait_for_turn(self) -> None:
        """Return when the batch may process its next item."""


class Interfaces(Struct, frozen=True):
    """One implementation of each protocol. None if the configuration does not use it."""

    audit: AuditSink | None = None
    keys: Keys | None = None
    deny: DenyList | None = None
    authorizer: Authorizer | None = None
    limiter: Limiter | None = None
    batch_scheduler: BatchScheduler | None = None
