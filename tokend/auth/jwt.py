"""JWTs of an identity provider, as `Authorization: Bearer` or in a preset's cookie. joserfc checks the signatures.

Which caller a token is for is told by its issuer and audience; then the signature, the times and `require` must hold.
What a token lacked goes to the operator's log; the stranger learns only that it is not accepted.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import urlsplit

from joserfc import jwk
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jws import JWSRegistry

from tokend import strict_json
from tokend.auth.contract import Presented, Scheme
from tokend.claims import Condition
from tokend.model import Caller, Code, Refusal
from tokend.ports import Keys, KeySource

MAX_LENGTH: Final = 8 * 1024
LEEWAY: Final = 30
"""Seconds that clocks may differ by."""
MAX_TIME: Final = 253_402_300_799
"""The last second of the year 9999: anything later is no time that a provider means."""
ASYMMETRIC: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
SYMMETRIC: Final = ("HS256",)
MIN_RSA_BITS: Final = 2048
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class Trust(NamedTuple):
    """What one caller takes for proof. `keys` are its own; `source` is where else they come from.

    `audiences` are looked for in `aud`, and, where `by_azp`, in `azp` (or the claim `client_id`) too.
    """

    caller: str
    issuer: str
    audiences: frozenset[str]
    algorithms: tuple[str, ...]
    keys: tuple[jwk.Key, ...] = ()
    source: KeySource | None = None
    require: tuple[Condition, ...] = ()
    by_azp: bool = False
    cookie: str | None = None


class _Unfit(Exception):
    """Why a token does not do, for the operator."""


class KeysProblem(ValueError):
    """Why keys cannot be had from somewhere: a sentence of ours, which repeats nothing of what came from there."""


class _Token(NamedTuple):
    """The parts of a token, each decoded. `signed` is what the signature is over."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


class Jwt(Scheme):
    """All callers of a route that bring JWTs. Answers None for a token of an issuer that none of them trusts."""

    name: ClassVar[str] = "jwt"

    def __init__(self, trusts: Sequence[Trust]) -> None:
        self._trusts = tuple(trusts)

    async def identify(self, presented: Presented, now: int, keys: Keys | None = None) -> Caller | None:
        text, trusts = presented.bearer, self._trusts
        if not presented.total:  # cookies come unasked: one counts only where nothing else was sent
            text, trusts = presented.cookie, tuple(one for one in trusts if one.cookie is not None)
        if text is None or text.count(".") != 2:
            return None
        try:
            token = _read(text)
            issuer = token.claims.get("iss")
            candidates = [one for one in trusts if one.issuer == issuer]
            if not candidates:
                raise _Unfit(f"no caller here trusts the issuer {_told(issuer)}")
            trust = _for_audience(candidates, token.claims)
            await _check_signature(token, trust, keys)
            _check_claims(trust, token.claims, now)
        except _Unfit as reason:
            raise Refusal(Code.CREDENTIAL_INVALID, "this credential is not known here", operator=str(reason)) from None
        return Caller(trust.caller, token.claims)


def may_be_fetched(url: str) -> bool:
    """Whether keys may come from a URL: over https, or over http from this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def import_keys(document: object) -> tuple[jwk.Key, ...]:
    """The usable public keys of a JWKS document; `KeysProblem` if it is none. Other keys are passed over."""
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise KeysProblem("is no JWKS document")
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


def _read(text: str) -> _Token:
    """Unchecked but strictly parsed."""
    if len(text) > MAX_LENGTH:
        raise _Unfit("the token is over 8 KiB")
    parts = text.split(".")
    header, claims = (_object(_decoded(part)) for part in parts[:2])
    if "crit" in header or "b64" in header:
        raise _Unfit("the header has crit or b64, which nothing here understands")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _Unfit(f"typ is {_told(kind)}")
    return _Token(header, claims, f"{parts[0]}.{parts[1]}".encode("ascii"), _decoded(parts[2]))


def _decoded(part: str) -> bytes:
    """The bytes of a part; each has one spelling, so that no token has two."""
    try:
        written = part.encode("ascii")
        raw = base64.b64decode(written + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Unfit("a part of the token is not base64url") from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != written:
        raise _Unfit("a part of the token is base64 in another spelling")
    return raw


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = strict_json.loads(raw)
    except strict_json.TwinKeyError as error:
        raise _Unfit("a part of the token has a key twice") from error
    except ValueError as error:
        raise _Unfit("a part of the token is no JSON") from error
    if not isinstance(found, dict):
        raise _Unfit("a part of the token is no JSON object")
    return found


def _for_audience(candidates: Sequence[Trust], claims: Mapping[str, Any]) -> Trust:
    audience = claims.get("aud")
    named = {audience} if isinstance(audience, str) else set()
    if isinstance(audience, list) and all(isinstance(one, str) for one in audience):
        named = set(audience)
    for trust in candidates:
        also = [claims.get("azp"), claims.get("client_id")] if trust.by_azp else []
        if trust.audiences & (named | {one for one in also if isinstance(one, str)}):
            return trust
    wanted = " or ".join(f"caller {one.caller} wants {', '.join(sorted(one.audiences))}" for one in candidates)
    raise _Unfit(f"aud is {_told(audience)}, {wanted}")


async def _check_signature(token: _Token, trust: Trust, keys: Keys | None) -> None:
    algorithm, key_id = token.header.get("alg"), token.header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in trust.algorithms:
        raise _Unfit(f"alg is {_told(algorithm)}, caller {trust.caller} takes {', '.join(trust.algorithms)}")
    if key_id is not None and not isinstance(key_id, str):
        raise _Unfit("kid is no text")
    if trust.source is None or keys is None:
        _check_with(trust.keys, token, algorithm, key_id, trust)
        return
    held = (*trust.keys, *await keys.held(trust.source))
    try:
        _check_with(held, token, algorithm, key_id, trust)
    except _Unfit:
        if key_id is not None and any(one.kid == key_id for one in held):
            raise
        # signed by a key newer than those held, perhaps; without a kid only trying tells
        _check_with((*trust.keys, *await keys.renewed(trust.source)), token, algorithm, key_id, trust)


def _check_with(keys: Sequence[Any], token: _Token, algorithm: str, key_id: str | None, trust: Trust) -> None:
    """Whether the signature is by one of these keys; `_Unfit` says why not."""
    named = [one for one in keys if key_id is None or one.kid in (None, key_id)]
    fitting = [one for one in named if _is_for(one, algorithm)]
    if not fitting:
        raise _Unfit(f"there is no key {_told(key_id)} for {algorithm} of {trust.issuer}")
    if key_id is None and len(fitting) > 1 and any(one.kid is not None for one in fitting):
        raise _Unfit(f"kid is missing, and {trust.issuer} has several keys")
    if not any(_is_signed(token, algorithm, key) for key in fitting):
        raise _Unfit("the signature is by none of the issuer's keys")


def _is_for(key: jwk.Key, algorithm: str) -> bool:
    try:
        JWSRegistry.algorithms[algorithm].check_key(key)
    except JoseError:
        return False
    return True


def _is_signed(token: _Token, algorithm: str, key: jwk.Key) -> bool:
    # the algorithm itself, not joserfc's whole reading: that refuses headers it does not know, as Clerk's `cat`
    try:
        return JWSRegistry.algorithms[algorithm].verify(token.signed, token.signature, key)
    except (JoseError, ValueError, TypeError):
        return False


def _check_claims(trust: Trust, claims: Mapping[str, Any], now: int) -> None:
    expires = _time(claims, "exp")
    if expires is None:
        raise _Unfit("exp is missing")
    if expires <= now - LEEWAY:
        raise _Unfit("exp is past")
    for name in ("nbf", "iat"):
        begins = _time(claims, name)
        if begins is not None and begins > now + LEEWAY:
            raise _Unfit(f"{name} lies in the future")
    if "sub" in claims and (not isinstance(claims["sub"], str) or not claims["sub"]):
        raise _Unfit("sub is no text, or empty")
    for condition in trust.require:
        if not condition.holds(claims):
            raise _Unfit(f"require: {condition}")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unfit(f"{name} is no time")
    if not 0 <= value <= MAX_TIME:
        raise _Unfit(f"{name} is no time that anybody means")
    return value


def _told(value: object) -> str:
    """What a log line may repeat of a claim."""
    return f"'{value[:80]}'" if isinstance(value, str) and value.isprintable() else type(value).__name__
