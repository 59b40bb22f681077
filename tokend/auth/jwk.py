"""Keys and signatures of JWS: all that is done by joserfc.

It takes a fifth of a process's memory, so this module is imported where a key is at hand, never at the top of a file.
"""

from collections.abc import Mapping
from typing import Any, Final

from joserfc import jwk
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jws import JWSRegistry, serialize_compact

from tokend.auth.jws import KeysProblem, Token

Key = jwk.Key
MIN_RSA_BITS: Final = 2048
MAX_KEYS: Final = 100
"""Of one document: a token that names no key is held against each of them."""


def import_keys(document: object) -> tuple[jwk.Key, ...]:
    """The usable public keys of a JWKS document; `KeysProblem` if it is none. Other keys are passed over."""
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise KeysProblem("is no JWKS document")
    if len(document["keys"]) > MAX_KEYS:
        raise KeysProblem(f"holds over {MAX_KEYS} keys")
    found: list[jwk.Key] = []
    for key in document["keys"]:
        if not isinstance(key, dict) or key.get("use", "sig") != "sig" or key.get("kty") == "oct" or _is_short(key):
            continue
        try:
            found.append(_sound(jwk.import_key(key)))
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


def is_signed(token: Token, algorithm: str, key: jwk.Key) -> bool:
    """Whether the signature is by this key."""
    try:
        # the algorithm itself, not joserfc's whole reading: that refuses headers it does not know, as Clerk's `cat`
        return bool(JWSRegistry.algorithms[algorithm].verify(token.signed, token.signature, key))
    except (JoseError, ValueError, TypeError):
        return False


def sign(header: Mapping[str, str], payload: bytes, key: jwk.Key) -> str:
    """A compact JWS by the algorithm that its header names."""
    return serialize_compact({**header}, payload, key, algorithms=[header["alg"]])
