"""Keys of callers as the configuration writes them: a digest, or a digest with the time at which the key ends."""

import re
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, PlainValidator

from tokend.auth.authenticator import PREFIX, Digest, Expiry, Key, check_digest
from tokend.core.validation import StrictModel, invalid

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})")
_TimeText = Annotated[str, Field(pattern=f"^{_TIME.pattern}$")]
_Hex = Annotated[str, Field(pattern=f"^({PREFIX})?[0-9a-f]{{64}}$")]
_FORM: Final = "must be sha256: and the digest in quotes, {sha256: …, not_after: …}, or a list of these"


def _prefixed(value: object) -> object:
    """The key of the mapping says sha256 already, so the digits may stand alone."""
    return PREFIX + value.removeprefix(PREFIX) if isinstance(value, str) else value


def _end(value: object) -> Expiry:
    """A point in time; a day alone would end at another one in every zone."""
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            return Expiry(int(datetime.fromisoformat(value).timestamp()), value)
    except ValueError:  # the 30th of February
        pass
    raise invalid("must be a time with its zone, such as 2026-12-31T00:00:00Z")


class KeyEntry(StrictModel):
    """A key by its digest, and the last second in which it counts."""

    sha256: Annotated[Digest, BeforeValidator(_prefixed, json_schema_input_type=_Hex)]
    not_after: Annotated[Expiry | None, PlainValidator(_end, json_schema_input_type=_TimeText)] = None

    @property
    def key(self) -> Key:
        return Key(self.sha256, self.not_after)


def _entry(value: object) -> object:
    if isinstance(value, str):
        return KeyEntry(sha256=check_digest(value))
    if not isinstance(value, dict):
        raise invalid(_FORM)
    return value


def _entries(value: object) -> object:
    if value == []:
        raise invalid("is an empty list: leave the key out, or name at least one")
    if not isinstance(value, str | dict | list):
        raise invalid(_FORM)
    return value if isinstance(value, list) else [value]


def _entries_or_signed(value: object) -> object:
    return [] if value == "signed" else _entries(value)


_Entry = Annotated[KeyEntry, BeforeValidator(_entry, json_schema_input_type=Digest | KeyEntry)]
_Entries = Annotated[list[_Entry], Field(min_length=1)]
KeyEntries = Annotated[list[_Entry], BeforeValidator(_entries, json_schema_input_type=_Entry | _Entries)]
"""One key or a list."""
KeyEntriesOrSigned = Annotated[
    list[_Entry],
    BeforeValidator(_entries_or_signed, json_schema_input_type=Literal["signed"] | _Entry | _Entries),
]
"""The same; no key at all for `signed`, a caller that signed URLs alone are for."""
