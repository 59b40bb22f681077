"""What the issuer awaits from above the line: small protocols, and `Ports`, which holds one of each.

Implementations stand in `server/`. None in `Ports`: there is no such thing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from tokend.limits import Group
from tokend.model import Caller, Decision, Grant


class KeySource(NamedTuple):
    """Where an issuer's public keys are: a JWKS document at `url`, or named by the discovery document below `url`."""

    url: str
    discovery: bool = False


class Keys(Protocol):
    """Public keys of identity providers."""

    async def find(self, source: KeySource, key_id: str | None) -> Sequence[Any]:
        """The source's keys, the one of this id among them if there is one. `Refusal` (503) while none can be had."""


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


class Limiter(Protocol):
    """Counts asks against their rate limits."""

    async def take(self, groups: Sequence[Group]) -> list[float | None]:
        """For each ask, in order: None where it is admitted, else the seconds after which it would be.

        `Refusal` (503) where the limits cannot be checked, and nothing may pass without.
        """


class Ports(NamedTuple):
    """One of each, or None."""

    audit: AuditSink | None = None
    keys: Keys | None = None
    deny: DenyList | None = None
    limiter: Limiter | None = None
