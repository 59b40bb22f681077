"""base64url without padding (RFC 4648, section 5; RFC 7515, appendix C), as the parts of a JSON Web Token are written."""

import base64


def encode(raw: bytes) -> bytes:
    """Return the text of bytes, as ASCII."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decode(part: str) -> bytes:
    """Return the bytes of a text. Several texts decode to the same bytes; only the one that an encoder writes is accepted.

    Raises `ValueError` for all others. Its message continues "a part of the token is".
    """
    try:
        written = part.encode("ascii")
        raw = base64.b64decode(written + b"=" * (-len(written) % 4), b"-_", validate=True)
    except ValueError as error:  # binascii's errors are ValueErrors, and so is that for letters beyond ASCII
        raise ValueError("not base64url") from error
    if encode(raw) != written:
        raise ValueError("base64 in another spelling")
    return raw
