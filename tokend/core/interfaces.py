"""Protocols for everything that the issuer needs and that does I/O. The package `adapters` implements them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Protocol

from msgspec import Struct
from pydantic import AfterValidator, Field

from tokend.core.durations import Duration
from tokend.core.errors import ApiError
from tokend.core.model import Caller, Decision, Restriction
from tokend.core.rate_limits import BucketGroup, Excess
from tokend.core.reach import Reach
from tokend.core.secrets import Secret
from tokend.core.urls import is_plain_url
from tokend.core.validation import StrictModel, satisfying


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


_MIN_SECRET: Final = 32
_MAX_TIMEOUT: Final = 5
_MAX_CACHE: Final = 60


_url = satisfying(
    is_plain_url, "must be an https URL, or http on this machine itself, without a user, password or fragment"
)
_secret = satisfying(
    lambda secret: len(secret.reveal()) >= _MIN_SECRET,
    f"is shorter than {_MIN_SECRET} characters, so it can be guessed",
)
_timeout = satisfying(
    lambda seconds: 1 <= seconds <= _MAX_TIMEOUT, f"must be 1s to {_MAX_TIMEOUT}s: a client waits as long as that"
)
_cache = satisfying(
    lambda seconds: seconds <= _MAX_CACHE,
    f"must be at most {_MAX_CACHE}s: a change in the backend counts only after it",
)


class AuthorizerSettings(StrictModel):
    """The app's own backend, which decides before a token is issued. It may refuse or restrict, never extend.

    Times are in seconds.
    """

    url: Annotated[str, AfterValidator(_url)] = Field(
        description="where questions are sent: https, or http on this machine. Redirects are not followed",
        examples=["https://api.example.com/tokend/authorize"],
    )
    secret: Annotated[Secret, AfterValidator(_secret)] = Field(
        description="signs the questions, at least 32 characters; it is never sent",
        examples=[{"env": "AUTHORIZER_SECRET"}],
    )
    timeout: Annotated[Duration, AfterValidator(_timeout)] = Field(
        default=1, description="how long a request waits for the answer, 1s to 5s. Default: 1s", examples=["2s"]
    )
    cache: Annotated[Duration, AfterValidator(_cache)] = Field(
        default=0,
        description=(
            "how long an answer is reused for exactly the same question, at most 60s. Default: 0s, not reused"
        ),
        examples=["5s"],
    )


class Question(Struct, frozen=True):
    """What the authorizer receives before a token is issued: the caller, and everything that the token would give.

    `ttl`: seconds.
    """

    app: str
    caller: str
    claims: Mapping[str, object]
    kind: str
    users: tuple[str, ...]
    channels: tuple[str, ...]
    roles: tuple[str, ...]
    capabilities: tuple[str, ...]
    ttl: int
    services: tuple[Mapping[str, object], ...] = ()


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
