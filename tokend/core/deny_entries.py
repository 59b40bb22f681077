"""Deny entries: temporary blocks that apply before a token is issued, whatever the rules allow.

An entry may name an app, a user, a channel, a caller and a signed URL. All fields present must match.
`issued_before` blocks identities whose `iat` claim is older, for example after a session was stolen.
`adapters/deny_file.py` reads the file; this module parses and matches.
"""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from tokend.core import strict_json
from tokend.core.model import Caller
from tokend.core.reach import Reach
from tokend.core.validation import FieldError, StrictModel, field_errors, invalid

_Name = Annotated[str, Field(min_length=1)]
"""Not empty: nothing has an empty name, so such an entry would never match."""
_SELECTORS = frozenset({"user", "channel", "caller", "url", "issued_before"})


class Entry(StrictModel):
    """One line of the deny file. `url` is the id of a signed URL. `until` and `issued_before` are in Unix seconds."""

    app: _Name | None = None
    user: _Name | None = None
    channel: _Name | None = None
    caller: _Name | None = None
    url: _Name | None = None
    issued_before: Annotated[int, Field(ge=0)] | None = None
    until: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_a_selector(cls, value: object) -> object:
        if isinstance(value, dict) and all(value.get(selector) is None for selector in _SELECTORS):
            raise invalid(f"must name one of {', '.join(sorted(_SELECTORS))}: an entry for everybody is no entry")
        return value

    def fits(self, app: str, caller: Caller, users: frozenset[str], channels: frozenset[str], now: int) -> bool:
        """Return whether every field of the entry matches. `now` is in Unix seconds."""
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
    """Return whether an identity is older than `time`.

    A JWT need not have an `iat`. One that expires and has no `iat` counts as older.
    """
    issued_at = caller.claims.get("iat")
    return issued_at < time if isinstance(issued_at, int | float) else "exp" in caller.claims


def parse_entries(raw: bytes) -> tuple[Entry, ...]:
    """Parse a file with one JSON object per line. Raises one `ValueError` that names every invalid line."""
    entries: list[Entry] = []
    problems: list[str] = []
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entries.append(Entry.model_validate(strict_json.loads(line)))
        except ValidationError as error:
            problems += [f"line {number}: {_sentence(field_error)}" for field_error in field_errors(error, Entry)]
        except ValueError:
            problems.append(f"line {number}: is no JSON object")
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(entries)


def reason(entries: Iterable[Entry], app: str, caller: Caller, reach: Reach, now: int) -> str | None:
    """Return why a grant with this reach is denied, or None if it is not. The sentence discloses nothing of the entry."""
    users = reach.users | reach.derived_users
    if any(entry.fits(app, caller, users, reach.channels, now) for entry in entries):
        return "this is denied for the time being"
    return None


def _sentence(field_error: FieldError) -> str:
    sentence = f"unknown key{field_error.sentence}" if field_error.unknown else field_error.sentence
    return " ".join((*map(str, field_error.path), sentence))
