"""Reads compact JWS (RFC 7515) strictly: canonical base64url, no duplicate keys, no critical headers.

Tokens of identity providers and signed URLs share it. It checks no claims and no signatures.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tokend.core import base64url, strict_json

MAX_LENGTH: Final = 8 * 1024
LEEWAY: Final = 30
"""The most seconds by which clocks may differ."""
MAX_TIME: Final = 253_402_300_799
"""The last second of the year 9999, in Unix seconds. Later times are errors."""


class InvalidToken(Exception):
    """A token is not valid. The message is the reason, for the operator."""


class KeysProblem(ValueError):
    """Keys cannot be read. The message says why; of what was received it repeats at most an issuer, bounded and printable."""


class Token(Struct, frozen=True):
    """The decoded parts of a token. `signed`: the bytes that the signature covers."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def looks_like_jws(text: str) -> bool:
    """Whether a text has three parts with dots between."""
    return text.count(".") == 2


def read(text: str) -> Token:
    """Decode a text that looks like a JWS. Raises `InvalidToken` if it is malformed. Does not check the signature."""
    if len(text) > MAX_LENGTH:
        raise InvalidToken("the token is over 8 KiB")
    header, claims, signature = text.split(".")
    return Token(_header(header), _object(_decoded(claims)), f"{header}.{claims}".encode("ascii"), _decoded(signature))


def is_public_key(text: str) -> bool:
    """Whether a text is a public key, or the file of another key or a certificate, where a secret should stand."""
    return "-----BEGIN" in text or text.lstrip().startswith(("ssh-", "ecdsa-"))


def quoted(value: object) -> str:
    """The part of a header or claim that a log line may repeat."""
    return f"'{value[:80]}'" if isinstance(value, str) and value.isprintable() else "(no printable text)"


def _header(part: str) -> Mapping[str, Any]:
    header = _object(_decoded(part))
    if "crit" in header or "b64" in header:
        raise InvalidToken("the header has crit or b64, which nothing here understands")
    return header


def _decoded(part: str) -> bytes:
    try:
        return base64url.decode(part)
    except ValueError as error:
        raise InvalidToken(
            f"a part of the token is {error}: it was cut off or changed, as when it was copied"
        ) from error


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = strict_json.loads(raw)
    except strict_json.DuplicateKeyError as error:
        raise InvalidToken("a part of the token has a key twice") from error
    except ValueError as error:
        raise InvalidToken(
            "a part of the token is no JSON: it was cut off or changed, as when it was copied"
        ) from error
    if not isinstance(found, dict):
        raise InvalidToken("a part of the token is no JSON object")
    return found
