"""What an app's own backend is asked before a token is issued, how that is signed, and what an answer means.

Pure: the question of a grant, its signature, the strict reading of an answer. Asking is `server/authorizer.py`'s.
"""

import base64
import hmac
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, model_validator

from tokend.core import strict_json
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Question
from tokend.core.model import Caller, Grant, Restriction
from tokend.core.reach import reach_of
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, first_field_error, invalid

SOURCE: Final = "authorizer"
"""The name of its restrictions, for explain, the audit and the log."""
MAX_REASON: Final = 200
_Text = Annotated[str, Field(min_length=1)]


class NoAnswer(ValueError):
    """Why a body is no answer: a sentence of ours, which repeats nothing of it."""


class _Written(StrictModel):
    """A key without a value is refused: read as left out, it would permit more than was meant."""

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, value: object) -> object:
        if isinstance(value, dict) and None in value.values():
            raise invalid("holds null: leave the key out")
        return value


class Restrict(_Written):
    """What is left of a grant. `*` in channel and user stands for one or more characters; ttl in seconds."""

    kinds: Annotated[list[_Text], Field(min_length=1)] | None = None
    channel: _Text | None = None
    user: _Text | None = None
    roles: Annotated[list[Literal["publisher", "subscriber"]], Field(min_length=1)] | None = None
    ttl: Annotated[int, Field(ge=1)] | None = None


class Answer(_Written):
    """What the backend answers. A refusal may say why, to the client; a permission may narrow."""

    allow: bool
    reason: Annotated[str, Field(max_length=MAX_REASON)] | None = None
    restrict: Restrict | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Answer":
        if self.reason is not None and not self.reason.isprintable():
            raise invalid("reason must be printable")
        if (self.reason if self.allow else self.restrict) is not None:
            raise invalid("may narrow what it allows, or give a reason for what it does not")
        return self

    @property
    def outcome(self) -> Restriction | ApiError | None:
        """A new refusal each time, since raising one writes into it."""
        if not self.allow:
            return ApiError(Code.NOT_PERMITTED, self.reason or "the app's authorizer refuses this", operator=SOURCE)
        found = self.restrict
        if found is None or not found.model_fields_set:
            return None
        kinds, roles = (None if one is None else frozenset(one) for one in (found.kinds, found.roles))
        return Restriction(SOURCE, kinds, found.channel, found.user, roles, found.ttl)


def question(app: str, caller: Caller, kind: str, grant: Grant) -> Question:
    """What is asked of a grant: who wants it, and what it reaches; lists are in the order of the alphabet."""
    reach = reach_of(grant)
    lists = (reach.users, reach.channels, reach.roles, reach.capabilities)
    users, channels, roles, capabilities = (tuple(sorted(one)) for one in lists)
    return Question(app, caller.name, caller.claims, kind, users, channels, roles, capabilities, grant.ttl)


def read_answer(raw: bytes) -> Answer:
    """The answer in a body; `NoAnswer` if there is none."""
    try:
        return Answer.model_validate(strict_json.loads(raw))
    except ValidationError as error:
        first = first_field_error(error, Answer)
        where = "" if first.unknown else "".join(f"{step}: " for step in first.path)
        told = f"an unknown field{first.sentence}" if first.unknown else first.sentence
        raise NoAnswer(f"the answer is none: {where}{told}") from None
    except ValueError:
        raise NoAnswer("the answer is not strictly JSON") from None


def signature(secret: Secret, message_id: str, timestamp: int, body: bytes) -> str:
    """As Standard Webhooks has it: `v1,` and the base64 of an HMAC-SHA256 over id, Unix seconds and body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.reveal().encode(), signed, "sha256")).decode()


def unavailable(why: str) -> ApiError:
    """No answer, no token. `why` is for the log."""
    return ApiError(Code.UNAVAILABLE, "the app's authorizer cannot be asked", operator=f"{SOURCE}: {why}")
