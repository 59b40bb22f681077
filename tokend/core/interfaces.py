"""What the issuer awaits from above the line: small protocols, and `Ports`, which holds one of each.

Implementations stand in `server/`. None in `Ports`: there is no such thing.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Protocol

from msgspec import Struct
from pydantic import AfterValidator, Field

from tokend.core.durations import Duration
from tokend.core.errors import ApiError
from tokend.core.model import Caller, Decision, Grant, Restriction
from tokend.core.rate_limits import Group
from tokend.core.secrets import Secret
from tokend.core.urls import is_plain_url
from tokend.core.validation import StrictModel, invalid


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


_MIN_SECRET: Final = 32
_MAX_TIMEOUT: Final = 5
_MAX_CACHE: Final = 60


def _url(text: str) -> str:
    if not is_plain_url(text):
        raise invalid("must be an https URL, or http on this machine itself, without a user, password or fragment")
    return text


def _secret(secret: Secret) -> Secret:
    if len(secret.reveal()) < _MIN_SECRET:
        raise invalid(f"is shorter than {_MIN_SECRET} characters: one as short as that can be guessed")
    return secret


def _timeout(seconds: int) -> int:
    if not 1 <= seconds <= _MAX_TIMEOUT:
        raise invalid(f"must be 1s to {_MAX_TIMEOUT}s: a client waits as long as that")
    return seconds


def _cache(seconds: int) -> int:
    if seconds > _MAX_CACHE:
        raise invalid(f"must be at most {_MAX_CACHE}s: a change in the backend counts only after it")
    return seconds


class AuthorizerSettings(StrictModel):
    """The app's own backend, asked before a token is issued: it may refuse or restrict, never extend. Times in seconds."""

    url: Annotated[str, AfterValidator(_url)] = Field(description="where the app's own backend is asked")
    secret: Annotated[Secret, AfterValidator(_secret)] = Field(
        description="questions are signed with it, so that the backend knows who asks"
    )
    timeout: Annotated[Duration, AfterValidator(_timeout)] = Field(
        default=1, description="how long a request waits for all its answers, 1s to 5s"
    )
    cache: Annotated[Duration, AfterValidator(_cache)] = Field(
        default=0, description="how long an answer counts, at most 60s; 0s is for one request only"
    )

    @classmethod
    def of(cls, url: str, secret: Secret, timeout: int = 1, cache: int = 0) -> "AuthorizerSettings":
        """The settings with times in seconds, unchecked; the configuration writes units."""
        return cls.model_construct(url=url, secret=secret, timeout=timeout, cache=cache)


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

    async def next(self) -> None:
        """Returns when it is this batch's turn to do a little."""


class Interfaces(Struct, frozen=True):
    """One of each, or None."""

    audit: AuditSink | None = None
    keys: Keys | None = None
    deny: DenyList | None = None
    authorizer: Authorizer | None = None
    limiter: Limiter | None = None
    batch_scheduler: BatchScheduler | None = None
