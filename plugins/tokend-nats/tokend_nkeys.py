"""NKeys, the Ed25519 keys of NATS: base32 of prefix, key and CRC-16 (XMODEM), as github.com/nats-io/nkeys writes them."""

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ACCOUNT: Final = 0
USER: Final = 20 << 3
_SEED: Final = 18 << 3


class AccountKey:
    """The key pair of an account, or one of its signing keys. `public`: its public key, `A…`."""

    def __init__(self, seed: str) -> None:
        """Parse a seed, `SA…`. `ValueError` for any other text; the message does not contain it."""
        raw = _decoded(seed)
        if len(raw) != 34 or raw[:2] != bytes((_SEED | ACCOUNT >> 5, (ACCOUNT & 31) << 3)):
            raise ValueError("no seed of an account")
        self._key = Ed25519PrivateKey.from_private_bytes(raw[2:])
        self.public = encoded(ACCOUNT, self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, text: str) -> bytes:
        """The signature of a text, always the same: 64 bytes."""
        return self._key.sign(text.encode())


def encoded(prefix: int, key: bytes) -> str:
    """A public key as text, such as `A…` for the prefix ACCOUNT and `U…` for USER. `key`: 32 bytes."""
    raw = bytes((prefix,)) + key
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def public_key(prefix: int, text: str) -> bytes:
    """The 32 bytes of a public key. `ValueError` for any other text."""
    raw = _decoded(text)
    if len(raw) != 33 or raw[0] != prefix:
        raise ValueError("no public key of this type")
    return raw[1:]


def verified(issuer: str, text: str, signature: bytes) -> bool:
    """Whether an account's public key, `A…`, made the signature."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key(ACCOUNT, issuer)).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(text: str) -> bytes:
    """Prefix and key. `ValueError` unless the text is written as an encoder writes it, with the right checksum."""
    raw = base64.b32decode(text + "=" * (-len(text) % 8))  # binascii's errors are ValueErrors
    if (
        base64.b32encode(raw).decode().rstrip("=") != text
        or binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") != raw[-2:]
    ):
        raise ValueError("no nkey")
    return raw[:-2]
