"""Keys by their SHA-256 digests: what the configuration holds, and what a presented key is looked up by."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from msgspec import Struct
from pydantic import AfterValidator, WithJsonSchema

from tokend.auth.contract import not_known
from tokend.core.model import Caller
from tokend.core.validation import invalid

PREFIX: Final = "sha256:"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class Expiry(Struct, frozen=True):
    """When something ends: in Unix seconds, and as the configuration writes it."""

    at: int
    written: str


class Key(Struct, frozen=True):
    """A key that a caller has: its digest, and the last second in which it counts; None: for ever."""

    digest: str
    not_after: Expiry | None = None


class KeyTable:
    """The keys of a route's callers, found by digest, so that no comparison's time tells anything about a key."""

    def __init__(self, scheme: str, keys: Mapping[str, Iterable[Key]]) -> None:
        """`keys`: those of each caller, by the caller's name. `scheme`: what the log calls them."""
        self._scheme = scheme
        self._found = {one.digest: (Caller(name), one.not_after) for name, listed in keys.items() for one in listed}

    def find(self, key: str, now: int) -> Caller | None:
        """Whose key this is, if anybody's; `Refusal` (401) for one that has ended."""
        caller, end = self._found.get(digest_of(key), (None, None))
        if caller is not None and end is not None and now > end.at:
            raise not_known(f"the {self._scheme} of caller {caller.name} ended at {end.written}")
        return caller


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
