"""Keys and signatures of JWS: all that is done by joserfc.

It takes a fifth of a process's memory, so this module is imported where a key is at hand, never at the top of a file.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from joserfc import jwk
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jws import JWSRegistry, serialize_compact

from tokend.auth._jws import KeysProblem, Token

Key = jwk.Key
MIN_RSA_BITS: Final = 2048
REMEMBERED: Final = 1024
"""Signatures that were found to hold, of at most 8 KiB each."""
MAX_KEYS: Final = 100
"""Of one document: a token that names no key is held against each of them."""


def import_keys(document: object) -> tuple[jwk.Key, ...]:
    """The usable public keys of a JWKS document; `KeysProblem` if it is none. Other keys are passed over."""
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise KeysProblem("is no JWKS document")
    if len(document["keys"]) > MAX_KEYS:
        raise KeysProblem(f"holds over {MAX_KEYS} keys")
    found: list[jwk.Key] = []
    for one in document["keys"]:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") == "oct" or _is_short(one):
            continue
        try:
            found.append(_sound(jwk.import_key(one)))
        except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
            continue
    return tuple(found)


def secret_key(text: str) -> jwk.Key:
    """The key of an HS256 secret."""
    return jwk.OctKey.import_key(text)


def pem_key(text: str) -> jwk.Key:
    """The public key of a PEM; `ValueError` if it is none."""
    for kind in (jwk.RSAKey, jwk.ECKey, jwk.OKPKey):
        try:
            return _sound(kind.import_key(text))
        except (JoseError, SecurityWarning, ValueError, TypeError):
            continue
    raise ValueError("no public key in PEM form")


def _sound(key: jwk.Key) -> jwk.Key:
    """`ValueError` for a private key, which is not ours to hold, and for one that is too short."""
    if key.is_private:
        raise ValueError("a private key")
    if isinstance(key, jwk.RSAKey) and key.raw_value.key_size < MIN_RSA_BITS:
        raise ValueError("too short")
    return key


def _is_short(key: Mapping[str, Any]) -> bool:
    """Whether an RSA modulus is too short, so that joserfc need not warn of it on standard error."""
    return isinstance(key.get("n"), str) and len(key["n"]) * 6 < MIN_RSA_BITS


def is_for(key: jwk.Key, algorithm: str) -> bool:
    """Whether it is of the kind that the algorithm takes."""
    try:
        JWSRegistry.algorithms[algorithm].check_key(key)
    except JoseError:
        return False
    return True


class _Itself:
    """A key that equals itself alone: joserfc's cannot be hashed."""

    __slots__ = ("key",)

    def __init__(self, key: jwk.Key) -> None:
        self.key = key

    def __hash__(self) -> int:
        return id(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.key is self.key


def is_signed(token: Token, algorithm: str, key: jwk.Key) -> bool:
    """Whether the signature is by this key."""
    try:
        _hold(token.signed, token.signature, algorithm, _Itself(key))
    except (JoseError, ValueError, TypeError):
        return False
    return True


@lru_cache(maxsize=REMEMBERED)
def _hold(signed: bytes, signature: bytes, algorithm: str, key: _Itself) -> None:
    """Raises `ValueError` unless it is. What holds is remembered, for this very key: a user asks more than once.

    What does not hold is not remembered, so that strangers push nobody's token out by guessing.
    """
    # the algorithm itself, not joserfc's whole reading: that refuses headers it does not know, as Clerk's `cat`
    if not JWSRegistry.algorithms[algorithm].verify(signed, signature, key.key):
        raise ValueError("not signed by this key")


def sign(header: Mapping[str, str], payload: bytes, key: jwk.Key) -> str:
    """A compact JWS by the algorithm that its header names."""
    return serialize_compact({**header}, payload, key, algorithms=[header["alg"]])
