"""JWTs of an identity provider, as `Authorization: Bearer` or in a preset's cookie. joserfc checks the signatures.

Which caller a token is for is told by its issuer and audience; then the signature, the times and `require` must hold.
What a token lacked goes to the operator's log; the stranger learns only that it is not accepted.
"""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

from joserfc import jwk, jws
from joserfc.errors import JoseError

from tokend import strict_json
from tokend.auth.contract import Presented, Scheme
from tokend.claims import Condition
from tokend.model import Caller, Code, Keys, KeySource, Refusal

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


class Jwt(Scheme):
    """All callers of a route that bring JWTs. Answers None for a token of an issuer that none of them trusts."""

    name: ClassVar[str] = "jwt"

    def __init__(self, trusts: Sequence[Trust]) -> None:
        self._trusts = tuple(trusts)

    async def identify(self, presented: Presented, now: int, keys: Keys | None = None) -> Caller | None:
        token = presented.bearer or presented.cookie
        if token is None or token.count(".") != 2:
            return None
        try:
            header, claims = _read(token)
            candidates = [one for one in self._trusts if one.issuer == claims.get("iss")]
            if presented.cookie is not None:
                candidates = [one for one in candidates if one.cookie is not None]
            if not candidates:
                raise _Unfit(f"no caller here trusts the issuer {_told(claims.get('iss'))}")
            trust = _for_audience(candidates, claims)
            await _check_signature(token, header, trust, keys)
            _check_claims(trust, claims, now)
        except _Unfit as reason:
            raise Refusal(Code.CREDENTIAL_INVALID, "this credential is not known here", operator=str(reason)) from None
        return Caller(trust.caller, claims)


def import_keys(document: object) -> tuple[jwk.Key, ...]:
    """The usable public keys of a JWKS document; `ValueError` if it is none. Unknown kinds of key are passed over."""
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise ValueError("no JWKS document")
    found: list[jwk.Key] = []
    for one in document["keys"]:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") == "oct":
            continue
        try:
            found.append(jwk.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return tuple(found)


def secret_key(text: str) -> jwk.Key:
    """The key of an HS256 secret."""
    return jwk.OctKey.import_key(text)


def pem_key(text: str) -> jwk.Key:
    """The public key of a PEM; `ValueError` if it is none."""
    for kind in (jwk.RSAKey, jwk.ECKey, jwk.OKPKey):
        try:
            return kind.import_key(text)
        except (JoseError, ValueError, TypeError):
            continue
    raise ValueError("no public key in PEM form")


def _read(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims, unchecked but strictly parsed."""
    if len(token) > MAX_LENGTH:
        raise _Unfit("the token is over 8 KiB")
    parts = token.split(".")
    header, claims = (_object(part) for part in parts[:2])
    if header.get("crit") is not None or header.get("b64") is not None:
        raise _Unfit("the header has crit or b64, which nothing here understands")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _Unfit(f"typ is {_told(kind)}")
    return header, claims


def _object(part: str) -> Mapping[str, Any]:
    try:
        raw = base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(raw).rstrip(b"=") != part.encode("ascii"):
            raise _Unfit("a part of the token is base64 in another spelling")
        found = strict_json.loads(raw)
    except (binascii.Error, ValueError) as error:
        raise _Unfit("a part of the token is no JSON object in base64url") from error
    if not isinstance(found, dict):
        raise _Unfit("a part of the token is no JSON object")
    return found


def _for_audience(candidates: Sequence[Trust], claims: Mapping[str, Any]) -> Trust:
    audience = claims.get("aud")
    named = {audience} if isinstance(audience, str) else set()
    if isinstance(audience, list) and all(isinstance(one, str) for one in audience):
        named = set(audience)
    for trust in candidates:
        also = {claims.get("azp"), claims.get("client_id")} if trust.by_azp else set()
        if trust.audiences & (named | {one for one in also if isinstance(one, str)}):
            return trust
    wanted = " or ".join(f"caller {one.caller} wants {', '.join(sorted(one.audiences))}" for one in candidates)
    raise _Unfit(f"aud is {_told(audience)}, {wanted}")


async def _check_signature(token: str, header: Mapping[str, Any], trust: Trust, keys: Keys | None) -> None:
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in trust.algorithms:
        raise _Unfit(f"alg is {_told(algorithm)}, caller {trust.caller} takes {', '.join(trust.algorithms)}")
    if key_id is not None and not isinstance(key_id, str):
        raise _Unfit("kid is no text")
    known: Sequence[Any] = trust.keys
    if trust.source is not None and keys is not None:
        known = (*known, *await keys.find(trust.source, key_id))
    fitting = [one for one in known if key_id is None or one.kid in (None, key_id)]
    if not fitting:
        raise _Unfit(f"there is no key {_told(key_id)} of {trust.issuer}")
    for key in fitting:
        try:
            jws.deserialize_compact(token, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError):
            continue
        return
    raise _Unfit("the signature is by none of the issuer's keys")


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
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Unfit(f"{name} is no time")
    if not 0 <= value <= MAX_TIME:
        raise _Unfit(f"{name} is no time that anybody means")
    return value


def _told(value: object) -> str:
    """What a log line may repeat of a claim."""
    return f"'{value[:80]}'" if isinstance(value, str) and value.isprintable() else type(value).__name__
