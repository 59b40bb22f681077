"""Keys by their SHA-256 digests: what the configuration holds, and what a key of a request is looked up by."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from msgspec import Struct
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainValidator, TypeAdapter, WithJsonSchema

from tokend.auth.contract import not_known
from tokend.core.model import Caller
from tokend.core.validation import StrictModel, invalid

PREFIX: Final = "sha256:"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})")
_POINT: Final = TypeAdapter(AwareDatetime)
_FORM: Final = "must be sha256: and the digest in quotes, {sha256: …, not_after: …}, or a list of these"


def digest_of(key: str) -> str:
    """`sha256:` and the hex digest, as the configuration holds it."""
    return PREFIX + hashlib.sha256(key.encode()).hexdigest()


def check_digest(text: str) -> str:
    """The text, if it is a digest; a pydantic error otherwise."""
    if _DIGEST.fullmatch(text) is None:
        # the text may be the key itself: never repeat it
        raise invalid("must be sha256: and 64 hex digits in lower case; `tokend key hash` makes it from a key")
    return text


Digest = Annotated[
    str, AfterValidator(check_digest), WithJsonSchema({"type": "string", "pattern": f"^{_DIGEST.pattern}$"})
]


class Expiry(Struct, frozen=True):
    """When something ends: in Unix seconds, and as the configuration writes it."""

    at: int
    written: str


def _prefixed(value: object) -> object:
    """The key of the mapping says sha256 already, so the digits may stand without it."""
    return PREFIX + value.removeprefix(PREFIX) if isinstance(value, str) else value


def _expiry(value: object) -> Expiry:
    """A point in time. A day would not do: it ends at another time in every zone."""
    if isinstance(value, Expiry):
        return value
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            return Expiry(int(_POINT.validate_python(value).timestamp()), value)
    except ValueError:  # the 30th of February
        pass
    raise invalid("must be a time with its zone, such as 2026-12-31T00:00:00Z")


_Hex = Annotated[str, Field(pattern=f"^({PREFIX})?[0-9a-f]{{64}}$")]
_TimeText = Annotated[str, Field(pattern=f"^{_TIME.pattern}$")]


class Key(StrictModel):
    """A key that a caller has."""

    sha256: Annotated[Digest, BeforeValidator(_prefixed, json_schema_input_type=_Hex)] = Field(
        description="the digest of the key, as `tokend key hash` prints it"
    )
    not_after: Annotated[Expiry | None, PlainValidator(_expiry, json_schema_input_type=_TimeText)] = Field(
        default=None,
        description="the last second in which the key counts, such as 2026-12-31T00:00:00Z; left out: for ever",
    )


def _key(value: object) -> object:
    """A digest that stands alone is a key without an end."""
    if isinstance(value, str):
        return Key.model_validate({"sha256": check_digest(value)})
    if not isinstance(value, dict | Key):
        raise invalid(_FORM)
    return value


def key_list(value: object) -> object:
    """A key that stands alone as a list of one; a pydantic error for what is neither a key nor a list."""
    if value == []:
        raise invalid("is an empty list: leave the key out, or name at least one")
    if not isinstance(value, str | dict | list):
        raise invalid(_FORM)
    return value if isinstance(value, list) else [value]


ListedKey = Annotated[Key, BeforeValidator(_key, json_schema_input_type=Digest | Key)]
KeyOrKeys = ListedKey | Annotated[list[ListedKey], Field(min_length=1)]
"""What the JSON Schema says of keys: one, or a list."""
KeyDigests = Annotated[list[ListedKey], BeforeValidator(key_list, json_schema_input_type=KeyOrKeys)]
"""One key or a list."""


class KeyTable:
    """The keys of a route's callers, found by digest, so that no comparison's time tells anything about a key."""

    def __init__(self, scheme: str, keys: Mapping[str, Iterable[Key]]) -> None:
        """`keys`: those of each caller, by the caller's name. `scheme`: what the log calls them."""
        self._scheme = scheme
        self._found = {key.sha256: (Caller(name), key.not_after) for name, listed in keys.items() for key in listed}

    def find(self, key: str, now: int) -> Caller | None:
        """The caller whose key this is, None if nobody's; `ApiError` (401) for one that has ended. `now` in Unix seconds."""
        caller, expiry = self._found.get(digest_of(key), (None, None))
        if caller is not None and expiry is not None and now > expiry.at:
            raise not_known(f"the {self._scheme} of caller {caller.name} ended at {expiry.written}")
        return caller
