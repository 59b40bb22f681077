"""The authorizer: its settings, the question sent before a token is issued, its signature, and the parsed answer.

`adapters/webhook.py` asks it. The signature follows Standard Webhooks (https://www.standardwebhooks.com).
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Struct
from pydantic import AfterValidator, Field, ValidationError, model_validator

from tokend.core import strict_json
from tokend.core.durations import Duration
from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller, Grant, Restriction
from tokend.core.reach import Reach
from tokend.core.secrets import Secret
from tokend.core.service_fields import service_fields
from tokend.core.urls import is_plain_url
from tokend.core.validation import StrictModel, first_field_error, invalid, satisfying

SOURCE: Final = "authorizer"
"""The `source` of its restrictions in explain, the audit and the log."""
MAX_REASON: Final = 200
"""Characters of the longest `reason`."""
_MIN_SECRET: Final = 32
_MAX_TIMEOUT: Final = 5
_MAX_CACHE: Final = 60
_Text = Annotated[str, Field(min_length=1)]

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


class InvalidAnswer(ValueError):
    """A body is not a valid answer. The message repeats nothing of the body."""


class _NoNulls(StrictModel):
    """Rejects a key whose value is null. Read as missing, it would allow more than was meant."""

    @model_validator(mode="before")
    @classmethod
    def _reject_nulls(cls, value: object) -> object:
        if isinstance(value, dict) and None in value.values():
            raise invalid("holds null: leave the key out")
        return value


class Restrict(_NoNulls):
    """Limits that the answer adds. In `channel` and `user`, `*` matches one or more characters; `ttl` is in seconds."""

    kinds: Annotated[list[_Text], Field(min_length=1)] | None = None
    channel: _Text | None = None
    user: _Text | None = None
    roles: Annotated[list[_Text], Field(min_length=1)] | None = None
    ttl: Annotated[int, Field(ge=1)] | None = None


class Answer(_NoNulls):
    """The answer of the authorizer. `reason` is shown to the client if `allow` is false; `restrict` needs `allow`."""

    allow: bool
    reason: Annotated[str, Field(max_length=MAX_REASON)] | None = None
    restrict: Restrict | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> "Answer":
        if self.reason is not None and not self.reason.isprintable():
            raise invalid("reason must be printable")
        if (self.reason if self.allow else self.restrict) is not None:
            raise invalid("reason is only for allow: false, and restrict only for allow: true")
        return self

    @property
    def outcome(self) -> Restriction | ApiError | None:
        """The restriction or error that follows from the answer, or None.

        Each access creates a new `ApiError`, since raising an exception changes it.
        """
        if not self.allow:
            return ApiError(Code.NOT_PERMITTED, self.reason or "the app's authorizer refuses this", operator=SOURCE)
        restrict = self.restrict
        if restrict is None or not restrict.model_fields_set:
            return None
        kinds = None if restrict.kinds is None else frozenset(restrict.kinds)
        roles = None if restrict.roles is None else frozenset(restrict.roles)
        return Restriction(SOURCE, kinds, restrict.channel, restrict.user, roles, restrict.ttl)


def question(app: str, caller: Caller, kind: str, grant: Grant, reach: Reach) -> Question:
    """Return the question about a grant: the caller, what the grant reaches, and all that it gives. Lists are sorted."""
    sets = (reach.users | reach.derived_users, reach.channels, reach.roles, reach.capabilities)
    users, channels, roles, capabilities = (tuple(sorted(names)) for names in sets)
    services = tuple(map(service_fields, grant.services))
    return Question(app, caller.name, caller.claims, kind, users, channels, roles, capabilities, grant.ttl, services)


def read_answer(raw: bytes) -> Answer:
    """Parse the body of a response. Raises `InvalidAnswer`."""
    try:
        return Answer.model_validate(strict_json.loads(raw))
    except ValidationError as error:
        first = first_field_error(error, Answer)
        where = "" if first.unknown else "".join(f"{step}: " for step in first.path)
        sentence = f"an unknown field{first.sentence}" if first.unknown else first.sentence
        raise InvalidAnswer(f"the answer is invalid: {where}{sentence}") from None
    except ValueError:
        raise InvalidAnswer("the answer is not strictly JSON") from None


def signature(secret: Secret, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the base64 of an HMAC-SHA256 over id, time in Unix seconds, and body (Standard Webhooks)."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.reveal().encode(), signed, "sha256")).decode()


def unavailable(why: str) -> ApiError:
    """Return the error (503) for an authorizer that gave no answer. `why` is written to the log only."""
    return ApiError(Code.UNAVAILABLE, "the app's authorizer does not answer", operator=f"{SOURCE}: {why}")
