"""Keys and signatures of JWS: everything that uses joserfc.

joserfc takes a fifth of a process's memory. Import this module only inside functions that have a key, never at the top
of a file.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

from joserfc import jwk
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jws import JWSRegistry, serialize_compact

from tokend.auth.jws import KeysProblem, Token

Key = jwk.Key
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 4096
"""Checking a signature takes longer with the square of these bits. Key services of clouds make no longer keys."""
MAX_EXPONENT_BITS: Final = 32
"""Checking a signature takes longer with each bit of the exponent. Almost every key has 65537."""
MAX_COORDINATE_BITS: Final = 528
"""P-521 has the longest coordinates."""
MAX_KEYS: Final = 50
"""The most keys of a document. To import one takes up to a millisecond."""
FEW: Final = 4
"""The most keys that an identity provider usually has."""
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
"""Members of private keys (RFC 7518). Whoever reads a document with them could sign."""
_LONGEST: Final[Mapping[str, int]] = {
    "n": MAX_RSA_BITS,
    "e": MAX_EXPONENT_BITS,
    "x": MAX_COORDINATE_BITS,
    "y": MAX_COORDINATE_BITS,
}
"""The most bits of each public number."""
_PUBLIC: Final = ("kty", "use", "key_ops", "alg", "kid", "crv", *_LONGEST)
"""Members that are imported (RFC 7517). Others, such as certificates, are not looked at."""
# an RSA key that is too short is an error here, or is skipped: a warning would stand between the lines of the log
warnings.filterwarnings("ignore", category=SecurityWarning, module=re.escape(__name__))


def import_keys(document: object, pause: Callable[[], None] | None = None) -> tuple[jwk.Key, ...]:
    """The usable public keys of a JWKS document (RFC 7517). Skips other keys; raises `KeysProblem` for other documents.

    Takes milliseconds, whatever the document: keys with private members or with overlong numbers are not imported. `pause` is
    called between the keys of a document that has over FEW of them: a thread lets others run there.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise KeysProblem("is no JWKS document")
    if len(document["keys"]) > MAX_KEYS:
        raise KeysProblem(f"holds over {MAX_KEYS} keys")
    found: list[jwk.Key] = []
    for number, key in enumerate(document["keys"]):
        if pause is not None and number >= FEW:
            pause()
        if not isinstance(key, dict) or key.get("use", "sig") != "sig" or not _is_bounded(key):
            continue
        try:
            kind = jwk.JWKRegistry.key_types[key["kty"]]
            found.append(_sound(kind.import_key({name: key[name] for name in _PUBLIC if name in key})))
        except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
            continue
    return tuple(found)


def secret_key(text: str) -> jwk.Key:
    """The key of an HS256 secret."""
    return jwk.OctKey.import_key(text)


def pem_key(text: str) -> jwk.Key:
    """The public key of a PEM text. Raises `ValueError` if there is none."""
    for kind in (jwk.RSAKey, jwk.ECKey, jwk.OKPKey):
        try:
            return _sound(kind.import_key(text))
        except (JoseError, SecurityWarning, ValueError, TypeError):
            continue
    raise ValueError("no public key in PEM form")


def _sound(key: jwk.Key) -> jwk.Key:
    """The key, if it is usable. Raises `ValueError` for a private key and for an RSA key that is too short."""
    if key.is_private:
        raise ValueError("a private key")
    if isinstance(key, jwk.RSAKey) and key.raw_value.key_size < MIN_RSA_BITS:
        raise ValueError("too short")
    return key


def _is_bounded(key: Mapping[str, Any]) -> bool:
    """Whether a key has public members alone, none of them overlong."""
    return _PRIVATE.isdisjoint(key) and all(
        isinstance(key[name], str) and len(key[name]) * 6 <= bits + 16 for name, bits in _LONGEST.items() if name in key
    )


def is_for(key: jwk.Key, algorithm: str) -> bool:
    """Whether the algorithm can use a key of this type."""
    try:
        JWSRegistry.algorithms[algorithm].check_key(key)
    except (JoseError, KeyError):  # KeyError: a curve that has no name in a JWK
        return False
    return True


def is_signed(token: Token, algorithm: str, key: jwk.Key) -> bool:
    """Whether this key made the signature."""
    try:
        # only the algorithm: joserfc's own reader rejects headers that it does not know, such as Clerk's `cat`
        return bool(JWSRegistry.algorithms[algorithm].verify(token.signed, token.signature, key))
    except (JoseError, ValueError, TypeError):
        return False


def sign(header: Mapping[str, str], payload: bytes, key: jwk.Key) -> str:
    """A compact JWS, signed with the algorithm that its header names."""
    return serialize_compact({**header}, payload, key, algorithms=[header["alg"]])
