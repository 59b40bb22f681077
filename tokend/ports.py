"""What the issuer awaits from above the line: small protocols, and `Ports`, which holds one of each.

Implementations stand in `server/`. None in `Ports`: there is no such thing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from tokend.model import Caller, Decision, Grant


class KeySource(NamedTuple):
    """Where an issuer's public keys are: a JWKS document at `url`, or named by the discovery document below `url`."""

    url: str
    discovery: bool = False


class Keys(Protocol):
    """Public keys of identity providers. Each raises `Refusal` (503) while the provider cannot be reached for them."""

    async def held(self, source: KeySource) -> Sequence[Any]:
        """The source's keys, as far as they are known."""

    async def renewed(self, source: KeySource) -> Sequence[Any]:
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


class Ports(NamedTuple):
    """One of each, or None."""

    audit: AuditSink | None = None
    keys: Keys | None = None
    deny: DenyList | None = None
