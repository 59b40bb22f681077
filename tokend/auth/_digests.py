"""Keys by their SHA-256 digests: what the configuration holds, and what a presented key is looked up by."""

import hashlib
import re
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

from tokend.validation import invalid

PREFIX: Final = "sha256:"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(key: str) -> str:
    """`sha256:` and the hex digest, as the configuration holds it."""
    return PREFIX + hashlib.sha256(key.encode()).hexdigest()


def _check(text: str) -> str:
    if _DIGEST.fullmatch(text) is None:
        # the text may be the key itself: never repeat it
        raise invalid("must be sha256: and 64 hex digits in lower case; `tokend key hash` makes it from a key")
    return text


Digest = Annotated[str, AfterValidator(_check), WithJsonSchema({"type": "string", "pattern": f"^{_DIGEST.pattern}$"})]
