"""What the issuer awaits from above the line: small protocols, and `Ports`, which holds one of each.

Implementations stand in `server/`. None in `Ports`: there is no such thing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from tokend.core.errors import ApiError
from tokend.core.model import Caller, Decision, Grant, Restriction
from tokend.core.rate_limits import Group
from tokend.core.secrets import Secret


class KeySource(Struct, frozen=True):
    """Where an issuer's public keys are: a JWKS document at `url`, or named by the discovery document below `url`."""

    url: str
    discovery: bool = False


class Keys(Protocol):
    """Public keys of identity providers. Each raises `Refusal` (503) while the provider cannot be reached for them."""

    async def get_keys(self, source: KeySource) -> Sequence[Any]:
        """The source's keys, as far as they are known."""

    async def refresh_keys(self, source: KeySource) -> Sequence[Any]:
        """The same, asked for anew: for a token that none of those held fits."""


class AuditSink(Protocol):
    """Where decisions are written before a token leaves."""

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        """Write all or raise; whatever it raises, no token of these decisions is released."""

    def healthy(self) -> bool:
        """Whether it can be written: a server that cannot is not ready."""


class DenyList(Protocol):
    """Who is shut out for the time being, whatever the rules say."""

    async def denies(self, app: str, caller: Caller, grant: Grant) -> str | None:
        """Why this grant is denied, in a sentence; None lets it pass."""


class AuthorizerSettings(Struct, frozen=True):
    """Where an app's own backend is asked, and the secret that signs the questions.

    `timeout`: seconds that a request waits for all its answers; `cache`: seconds for which an answer counts, 0: only once.
    """

    url: str
    secret: Secret
    timeout: int
    cache: int


class Question(Struct, frozen=True):
    """What an app's own backend is told of a token before it is issued: who asks, and all that it would give."""

    app: str
    caller: str
    claims: Mapping[str, object]
    kind: str
    users: tuple[str, ...]
    channels: tuple[str, ...]
    roles: tuple[str, ...]
    capabilities: tuple[str, ...]
    ttl: int


class Authorizer(Protocol):
    """An app's own backend, which may refuse or narrow what the rules permit."""

    async def authorize(
        self, settings: AuthorizerSettings, questions: Sequence[Question], request_id: str
    ) -> Sequence[Restriction | ApiError | None]:
        """An answer to each question, in order; None leaves it as it is. No answer is a `Refusal` too (503)."""


class Limiter(Protocol):
    """Counts asks against their rate limits."""

    async def take(self, groups: Sequence[Group]) -> list[float | None]:
        """For each ask, in order: None where it is admitted, else the seconds after which it would be.

        `Refusal` (503) where the limits cannot be checked, and nothing may pass without.
        """


class BatchScheduler(Protocol):
    """Shares the process among batches and everybody else."""

    async def wait_for_turn(self) -> None:
        """Returns when it is this batch's turn to do a little."""


class Interfaces(Struct, frozen=True):
    """One of each, or None."""

    audit: AuditSink | None = None
    keys: Keys | None = None
    deny: DenyList | None = None
    authorizer: Authorizer | None = None
    limiter: Limiter | None = None
    batch_scheduler: BatchScheduler | None = None
