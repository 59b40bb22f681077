"""Compact JWS, read strictly: one spelling a token, no key twice, nothing that has to be understood and is not.

Shared by identity providers' tokens and signed URLs. Knows no claims, keys or signatures.
"""

import binascii
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tokend.core import strict_json

MAX_LENGTH: Final = 8 * 1024
LEEWAY: Final = 30
"""Seconds that clocks may differ by."""
MAX_TIME: Final = 253_402_300_799
"""The last second of the year 9999: anything later is no time that anybody means."""


_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


class InvalidToken(Exception):
    """Why a token does not do, for the operator."""


class KeysProblem(ValueError):
    """Why keys cannot be had from somewhere: a sentence of ours, which repeats nothing of what came from there."""


class Token(Struct, frozen=True):
    """The parts of a token, each decoded. `signed` is what the signature is over."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def looks_like_jws(text: str) -> bool:
    """Three dot-separated parts."""
    return text.count(".") == 2


def read(text: str) -> Token:
    """A text that looks like a JWS, its signature unchecked; `InvalidToken` unless it is one, letter by letter."""
    if len(text) > MAX_LENGTH:
        raise InvalidToken("the token is over 8 KiB")
    header, claims, signature = text.split(".")
    return Token(_header(header), _object(_decoded(claims)), f"{header}.{claims}".encode("ascii"), _decoded(signature))


def quoted(value: object) -> str:
    """What a log line may repeat of a header or claim."""
    return f"'{value[:80]}'" if isinstance(value, str) and value.isprintable() else type(value).__name__


def _header(part: str) -> Mapping[str, Any]:
    header = _object(_decoded(part))
    if "crit" in header or "b64" in header:
        raise InvalidToken("the header has crit or b64, which nothing here understands")
    return header


def _decoded(part: str) -> bytes:
    """The bytes of a part; each has one spelling, so that no token has two."""
    try:
        written = part.encode("ascii")
        padded = written.translate(_FROM_URL) + b"=" * (-len(part) % 4)
        raw = binascii.a2b_base64(padded, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("a part of the token is not base64url") from error
    if binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=") != written:
        raise InvalidToken("a part of the token is base64 in another spelling")
    return raw


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = strict_json.loads(raw)
    except strict_json.DuplicateKeyError as error:
        raise InvalidToken("a part of the token has a key twice") from error
    except ValueError as error:
        raise InvalidToken("a part of the token is no JSON") from error
    if not isinstance(found, dict):
        raise InvalidToken("a part of the token is no JSON object")
    return found
