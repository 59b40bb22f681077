"""Deny entries: temporary blocks that apply before a token is issued, whatever the rules allow.

An entry may name an app, a user, the `sub` of a caller's claims, a channel, a caller and a signed URL. All fields present
must match.
`issued_before` blocks identities whose `iat` claim is older, for example after a session was stolen.
This module parses lines; `deny_index.py` finds the entries for a token; `adapters/deny_file.py` reads the file.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace
from pydantic import Field, ValidationError, model_validator

from tokend.core import strict_json
from tokend.core.validation import FieldError, StrictModel, field_errors, invalid, suggestion

SELECTORS: Final = ("user", "sub", "channel", "caller", "url", "issued_before")
"""The fields of which an entry has at least one."""

_Text = Annotated[str, Meta(min_length=1)] | None
_Seconds = Annotated[int, Meta(ge=0)] | None


class Entry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One line of the deny file. `url` is the id of a signed URL. `until` and `issued_before` are in Unix seconds."""

    app: _Text = None
    user: _Text = None
    sub: _Text = None
    channel: _Text = None
    caller: _Text = None
    url: _Text = None
    issued_before: _Seconds = None
    until: _Seconds = None

    def line(self) -> bytes:
        """Return the entry as a line of the file, without its newline."""
        return msgspec.json.encode(self)

    def is_about(self, line: bytes) -> bool:
        """Whether a line of the list is an entry with the same fields, whenever it ends."""
        try:
            found = parse_line(line)
        except ValueError:
            return False
        return found is not None and replace(found, until=None) == replace(self, until=None)


class DenyChange(Struct, frozen=True):
    """What the operator did to the deny list, for the audit. `source`: file or redis. `time`: in Unix seconds."""

    entry: Entry
    is_added: bool
    source: str
    time: int
    request_id: str
    reason: str | None = None


_DECODER: Final = msgspec.json.Decoder(Entry)


def parse_line(line: bytes) -> Entry | None:
    """Return the entry of a line, or None if the line is blank. Raises `ValueError` with a sentence for each mistake."""
    try:
        entry = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_strictly(line)
    return entry if _is_plain(line, entry) else _parse_strictly(line)


def _is_plain(line: bytes, entry: Entry) -> bool:
    """Return whether a decoded line has a selector, and as many quotes as its entry needs: then no key occurs twice.

    Texts with an escaped quote, and keys with null, have more quotes. They are parsed again, strictly.
    """
    texts, selected = 0, entry.issued_before is not None
    for text in (entry.user, entry.sub, entry.channel, entry.caller, entry.url):
        if text is not None:
            texts += 1
            selected = True
    if entry.app is not None:
        texts += 1
    numbers = (entry.issued_before is not None) + (entry.until is not None)
    return selected and line.count(b'"') == 4 * texts + 2 * numbers


_Name = Annotated[str, Field(min_length=1)]
"""Not empty: nothing has an empty name, so such an entry would never match."""


class StrictEntry(StrictModel):
    """The fields of `Entry`, for what may have mistakes: it has the sentences."""

    app: _Name | None = None
    user: _Name | None = None
    sub: _Name | None = None
    channel: _Name | None = None
    caller: _Name | None = None
    url: _Name | None = None
    issued_before: Annotated[int, Field(ge=0)] | None = None
    until: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_a_selector(cls, value: object) -> object:
        if isinstance(value, dict) and all(value.get(selector) is None for selector in SELECTORS):
            raise invalid(f"must name one of {', '.join(sorted(SELECTORS))}: an entry for everybody is no entry")
        return value

    def entry(self) -> Entry:
        """Return the entry."""
        return Entry(**self.model_dump())


def _parse_strictly(line: bytes) -> Entry | None:
    if not line.strip():
        return None
    try:
        fields: Any = strict_json.loads(line)
    except ValueError:
        raise ValueError("is no JSON object") from None
    try:
        return StrictEntry.model_validate(fields).entry()
    except ValidationError as error:
        sentences = [entry_problem(field_error) for field_error in field_errors(error, StrictEntry)]
        raise ValueError("; ".join(sentences)) from None


def parse_entries(raw: bytes) -> tuple[list[Entry], list[str]]:
    """Return the entries of a file with one JSON object per line, and a sentence for each line that is none."""
    entries: list[Entry] = []
    problems: list[str] = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        try:
            entry = parse_line(line)
        except ValueError as error:
            problems.append(line_problem(number, error))
        else:
            if entry is not None:
                entries.append(entry)
    return entries, problems


def line_problem(number: int, error: ValueError) -> str:
    """Return the sentence for a line that is no entry. `number` counts from 1."""
    return f"line {number}: {error}"


def entry_problem(field_error: FieldError) -> str:
    """Return the sentence for a field of an entry, with the names of the fields above it."""
    sentence = f"unknown key{field_error.sentence}" if field_error.unknown else field_error.sentence
    return " ".join((*map(str, field_error.path), sentence))


class NeverMatches(ValueError):
    """An entry would block nobody. `field`: the one that is wrong: app, sub, caller or issued_before."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def check_entry(
    entry: Entry,
    callers: Mapping[str, Collection[str]],
    invalid_apps: Collection[str],
    undated_callers: Mapping[str, Collection[str]],
) -> None:
    """Raise `NeverMatches` if an entry would block nobody. `callers`: the names of each app's callers.

    `undated_callers`: those whose credentials have no issue time. The callers of an invalid app are not known, so an entry
    for it may name any.
    """
    if entry.sub is not None and entry.url is not None:
        raise NeverMatches("sub", "a signed URL names no sub: name one of the two")
    apps = [*callers, *invalid_apps]
    if entry.app is not None and entry.app not in apps:
        raise NeverMatches("app", f"there is no app {entry.app}{suggestion(entry.app, apps)}")
    if entry.caller is None or entry.app in invalid_apps or (entry.app is None and invalid_apps):
        return
    having = [app for app, names in callers.items() if entry.app in (None, app) and entry.caller in names]
    if not having:
        known = {caller for app, names in callers.items() if entry.app in (None, app) for caller in names}
        where = "no app has a" if entry.app is None else f"app {entry.app} has no"
        raise NeverMatches("caller", f"{where} caller {entry.caller}{suggestion(entry.caller, known)}")
    if entry.issued_before is not None and all(entry.caller in undated_callers[app] for app in having):
        raise NeverMatches(
            "issued_before",
            f"credentials of caller {entry.caller} have no issue time: without issued_before, the entry blocks them all",
        )
