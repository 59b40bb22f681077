"""Deny entries: who is shut out for the time being, whatever the rules say. Pure: matching; `server/deny.py` reads files.

An entry names an app (or all), and any of user, channel, caller and url; all that it names must fit. `issued_before`
shuts out identities that were established before that time (a caller's `iat`), as after a stolen session.
"""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from tokend.core import strict_json
from tokend.core.model import Caller, Grant
from tokend.core.reach import reach_of
from tokend.core.validation import FieldError, StrictModel, field_errors, invalid

_WHOM = frozenset({"user", "channel", "caller", "url", "issued_before"})


class Entry(StrictModel):
    """One line of the deny file. `url`: the id of a signed URL. `until` and `issued_before` in Unix seconds."""

    app: str | None = None
    user: str | None = None
    channel: str | None = None
    caller: str | None = None
    url: str | None = None
    issued_before: Annotated[int, Field(ge=0)] | None = None
    until: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _names_somebody(cls, value: object) -> object:
        if isinstance(value, dict) and all(value.get(one) is None for one in _WHOM):
            raise invalid(f"must name one of {', '.join(sorted(_WHOM))}: an entry for everybody is no entry")
        return value

    def fits(self, app: str, caller: Caller, users: frozenset[str], channels: frozenset[str], now: int) -> bool:
        """Whether all that the entry names is so."""
        if self.until is not None and now >= self.until:
            return False
        return (
            self.app in (None, app)
            and self.caller in (None, caller.name)
            and self.url in (None, caller.url)
            and (self.user is None or self.user in users)
            and (self.channel is None or self.channel in channels)
            and (self.issued_before is None or _began_before(self.issued_before, caller))
        )


def _began_before(time: int, caller: Caller) -> bool:
    """Whether an identity is older. One that ends and does not say when it began may be: a JWT needs no `iat`."""
    begun = caller.claims.get("iat")
    return begun < time if isinstance(begun, int | float) else "exp" in caller.claims


def parse_entries(raw: bytes) -> tuple[Entry, ...]:
    """The entries of a file, one JSON object a line; `ValueError` that tells every line that is none."""
    found: list[Entry] = []
    problems: list[str] = []
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(Entry.model_validate(strict_json.loads(line)))
        except ValidationError as error:
            problems += [f"line {number}: {_told(one)}" for one in field_errors(error, Entry)]
        except ValueError:
            problems.append(f"line {number}: is no JSON object")
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(found)


def reason(entries: Iterable[Entry], app: str, caller: Caller, grant: Grant, now: int) -> str | None:
    """Why the grant is denied; None lets it pass. Says no more than that there is an entry."""
    reach = reach_of(grant)
    if any(one.fits(app, caller, reach.users, reach.channels, now) for one in entries):
        return "this is denied for the time being"
    return None


def _told(field_error: FieldError) -> str:
    sentence = f"unknown key{field_error.sentence}" if field_error.unknown else field_error.sentence
    return " ".join((*map(str, field_error.path), sentence))
