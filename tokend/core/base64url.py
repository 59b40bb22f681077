"""base64url without padding (RFC 4648, section 5; RFC 7515, appendix C), as the parts of a JSON Web Token are written."""

import binascii
from typing import Final

_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


def encode(raw: bytes) -> bytes:
    """Return the text of bytes, as ASCII."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=")


def decode(part: str) -> bytes:
    """Return the bytes of a text. Several texts decode to the same bytes; only the one that an encoder writes is accepted.

    Raises `ValueError` for all others. Its message continues "a part of the token is".
    """
    try:
        written = part.encode("ascii")
        raw = binascii.a2b_base64(written.translate(_FROM_URL) + b"=" * (-len(written) % 4), strict_mode=True)
    except ValueError as error:  # binascii's errors are ValueErrors, and so is that for letters beyond ASCII
        raise ValueError("not base64url") from error
    if encode(raw) != written:
        raise ValueError("base64 in another spelling")
    return raw
