"""Secrets that are looked for, and the forms in which they could come out: as they are, in hex, base64, URL and JSON."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Final


def _hex(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _key(name: str) -> str:
    """As `tokend key new` makes them."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=")


CERTIFICATES: Final[Mapping[str, str]] = {"primary": _hex("primary"), "secondary": _hex("secondary")}
KEYS: Final[Mapping[str, str]] = {name: _key(name) for name in ("api key", "url key", "admin key")}
OTHERS: Final[Mapping[str, str]] = {
    name: _key(name)
    for name in (
        "HS256 secret",
        "option from the environment",
        "option from a file",
        "option of a list",
        "URL signing key",
        "proxy's secret",
        "authorizer's secret",
        "customer secret",
    )
}
SECRETS: Final[Mapping[str, str]] = {**CERTIFICATES, **KEYS, **OTHERS}
PIECE: Final = 8


def forms(secret: str) -> Iterator[bytes]:
    """Of the whole secret. Letters of hex digits and escapes in either case."""
    raw = secret.encode()
    yield raw
    yield raw.upper()
    yield raw.lower()
    for digits in (raw.hex(), "".join(f"%{one:02x}" for one in raw), "".join(f"\\u{one:04x}" for one in raw)):
        yield digits.encode()
        yield digits.replace("u00", "U00").upper().replace("U00", "u00").encode()
    yield from _in_base64(raw)
    if len(secret) == 32:  # a certificate's own bytes, should anybody unpack it
        yield bytes.fromhex(secret)
        yield from _in_base64(bytes.fromhex(secret))


def pieces(certificate: str) -> Iterator[bytes]:
    """Every eight bytes of a certificate, of its text and of what it is the hex of."""
    for raw in (certificate.encode(), certificate.upper().encode(), bytes.fromhex(certificate)):
        for start in range(len(raw) - PIECE + 1):
            yield raw[start : start + PIECE]


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """What is the same wherever the secret stands in an encoded text: three offsets, both alphabets."""
    for offset in range(3):
        first, last = -(-offset * 8 // 6), (offset + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(offset) + raw)[first:last]


_FORMS: Final = {name: frozenset(forms(secret)) for name, secret in SECRETS.items()}
_PIECES: Final = {name: frozenset(pieces(secret)) for name, secret in CERTIFICATES.items()}


def found(places: Mapping[str, bytes], in_pieces: bool = False, made: str | None = None) -> list[str]:
    """Which secret stands in which place. `in_pieces`: certificates by eight bytes too; `made`: one more secret."""
    several = _FORMS if made is None else {**_FORMS, "what was made": frozenset(forms(made))}
    hits = []
    for place, text in places.items():
        hits += [f"{name} in {place}" for name, written in several.items() if any(one in text for one in written)]
        if in_pieces:
            hits += [
                f"eight bytes of {name} in {place}" for name, cut in _PIECES.items() if any(one in text for one in cut)
            ]
    return hits
