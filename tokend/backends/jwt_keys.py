"""Keys that sign and verify JSON Web Tokens, for the algorithms of RFC 7518 and RFC 8037 that vendors use.

The same grant and issuance must give the same token. So PS256 and its relatives, which need randomness, are not here, and
ECDSA is that of RFC 6979.
"""

import hmac
from abc import ABC, abstractmethod
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tokend.core.secrets import Secret

ALGORITHMS: Final = ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA")
_HASHES: Final[dict[str, HashAlgorithm]] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_LEAST_RSA_BITS: Final = 2048
_ECDSA_BYTES: Final = {"256": 32, "384": 48}


class JwtKey(ABC):
    """A key of one algorithm."""

    @abstractmethod
    def sign(self, text: bytes) -> bytes:
        """The signature of this text, always the same."""

    @abstractmethod
    def verify(self, text: bytes, signature: bytes) -> None:
        """Raise `InvalidSignature` unless this key made the signature."""


def jwt_key(algorithm: str, secret: Secret) -> JwtKey:
    """The key of one of ALGORITHMS. The secret is the text itself for HS*, and a private key in PEM for the others.

    Raises `ValueError`. Its sentence continues the name of an option, and never contains the secret.
    """
    family, bits = algorithm[:2], algorithm[2:]
    if family == "HS":
        if not secret.reveal():
            raise ValueError("is empty")
        return _Hmac(secret, f"sha{bits}")
    key = _private(secret)
    if algorithm == "EdDSA":
        form = "an Ed25519 private key"
        if isinstance(key, Ed25519PrivateKey):
            return _Ed25519(key)
    elif family == "RS":
        form = f"an RSA private key of at least {_LEAST_RSA_BITS} bits"
        if isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS:
            return _Rsa(key, _HASHES[bits])
    else:
        form = f"a private key of the curve P-{bits}"
        if isinstance(key, EllipticCurvePrivateKey) and key.curve.name == f"secp{bits}r1":
            return _Ecdsa(key, bits)
    raise ValueError(f"must be {form} in PEM, without a password")


class _Hmac(JwtKey):
    def __init__(self, secret: Secret, digest: str) -> None:
        self._secret = secret
        self._digest = digest

    def sign(self, text: bytes) -> bytes:
        return hmac.digest(self._secret.reveal().encode(), text, self._digest)

    def verify(self, text: bytes, signature: bytes) -> None:
        if not hmac.compare_digest(self.sign(text), signature):
            raise InvalidSignature


class _Rsa(JwtKey):
    def __init__(self, key: RSAPrivateKey, algorithm: HashAlgorithm) -> None:
        self._key = key
        self._algorithm = algorithm
        self._public = key.public_key()

    def sign(self, text: bytes) -> bytes:
        return self._key.sign(text, PKCS1v15(), self._algorithm)

    def verify(self, text: bytes, signature: bytes) -> None:
        self._public.verify(signature, text, PKCS1v15(), self._algorithm)


class _Ecdsa(JwtKey):
    """A signature is two numbers of equal length (RFC 7518, section 3.4)."""

    def __init__(self, key: EllipticCurvePrivateKey, bits: str) -> None:
        self._key = key
        self._public = key.public_key()
        self._algorithm = ECDSA(_HASHES[bits], deterministic_signing=True)
        self._size = _ECDSA_BYTES[bits]

    def sign(self, text: bytes) -> bytes:
        numbers = decode_dss_signature(self._key.sign(text, self._algorithm))
        return b"".join(number.to_bytes(self._size) for number in numbers)

    def verify(self, text: bytes, signature: bytes) -> None:
        if len(signature) != 2 * self._size:
            raise InvalidSignature
        first, second = (int.from_bytes(half) for half in (signature[: self._size], signature[self._size :]))
        self._public.verify(encode_dss_signature(first, second), text, self._algorithm)


class _Ed25519(JwtKey):
    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._public = key.public_key()

    def sign(self, text: bytes) -> bytes:
        return self._key.sign(text)

    def verify(self, text: bytes, signature: bytes) -> None:
        self._public.verify(signature, text)


def _private(secret: Secret) -> object:
    try:
        return load_pem_private_key(secret.reveal().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        return None
