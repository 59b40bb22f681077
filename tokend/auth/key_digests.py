"""Keys by their SHA-256 digests. The configuration holds digests, and the key of a request is found by its digest."""

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
EXAMPLE_DIGEST: Final = "sha256:7b7d2a2a5f4e6f4f9a3b8ee2d6f1bd1d6f3bca2c4e5d97a0c9d5d2f8e6b1a3c4"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})")
_POINT: Final = TypeAdapter(AwareDatetime)
_FORM: Final = "must be sha256: and the hash in quotes, {sha256: …, not_after: …}, or a list of these"


def digest_of(key: str) -> str:
    """The digest of a key as the configuration writes it: `sha256:` and 64 hex digits.

    aiohttp gives a header that is not UTF-8 as text with lone surrogates: no key has that digest.
    """
    return PREFIX + hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def check_digest(text: str) -> str:
    """The text if it is a digest. Raises a pydantic error otherwise."""
    if _DIGEST.fullmatch(text) is None:
        # the text may be the key itself: never repeat it
        raise invalid("must be sha256: and 64 hex digits in lower case; `tokend key hash` makes it from a key")
    return text


Digest = Annotated[
    str, AfterValidator(check_digest), WithJsonSchema({"type": "string", "pattern": f"^{_DIGEST.pattern}$"})
]


class Expiry(Struct, frozen=True):
    """The end of a key's validity: in Unix seconds, and as the configuration writes it."""

    at: int
    written: str


def _prefixed(value: object) -> object:
    """Add the prefix if it is missing: the key of the mapping says sha256 already."""
    return PREFIX + value.removeprefix(PREFIX) if isinstance(value, str) else value


def _expiry(value: object) -> Expiry:
    """A point in time with its zone. A date would be ambiguous, since it ends at another time in each zone."""
    if isinstance(value, Expiry):  # that of another key
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
        description="the hash of the key, as `tokend key hash` prints it",
        examples=[EXAMPLE_DIGEST],
    )
    not_after: Annotated[Expiry | None, PlainValidator(_expiry, json_schema_input_type=_TimeText)] = Field(
        default=None,
        description="the last second in which the key is valid, with its time zone. Default: never expires",
        examples=["2026-12-31T00:00:00Z"],
    )


def _key(value: object) -> object:
    """Turn a digest alone into a key that does not expire."""
    if isinstance(value, str):
        return Key.model_validate({"sha256": check_digest(value)})
    if not isinstance(value, dict | Key):
        raise invalid(_FORM)
    return value


def key_list(value: object) -> object:
    """Turn a key alone into a list. Raises a pydantic error for anything but a key or a list."""
    if value == []:
        raise invalid("is an empty list: leave the key out, or name at least one")
    if not isinstance(value, str | dict | list):
        raise invalid(_FORM)
    return value if isinstance(value, list) else [value]


ListedKey = Annotated[Key, BeforeValidator(_key, json_schema_input_type=Digest | Key)]
KeyOrKeys = ListedKey | Annotated[list[ListedKey], Field(min_length=1)]
"""The type of keys in the JSON Schema: one, or a list."""
KeyDigests = Annotated[list[ListedKey], BeforeValidator(key_list, json_schema_input_type=KeyOrKeys)]
"""One key or a list."""


class KeyTable:
    """Finds the callers of a route by the digests of their keys, so that the time of a comparison reveals nothing of a key."""

    def __init__(self, scheme: str, keys: Mapping[str, Iterable[Key]]) -> None:
        """`keys`: those of each caller, by the caller's name. `scheme`: the name of the keys in the log."""
        self._scheme = scheme
        self._found = {key.sha256: (Caller(name), key.not_after) for name, listed in keys.items() for key in listed}

    def find(self, key: str, now: int) -> Caller | None:
        """The caller with this key, or None. Raises `ApiError` (401) for a key that has expired. `now` in Unix seconds."""
        caller, expiry = self._found.get(digest_of(key), (None, None))
        if caller is not None and expiry is not None and now > expiry.at:
            raise not_known(f"a key of caller {caller.name} ({self._scheme}) ended at {expiry.written}")
        return caller
