"""JWTs of an identity provider, as `Authorization: Bearer` or in a preset's cookie. joserfc checks the signatures.

Which caller a token is for is told by its issuer and audience; then the signature, the times and `require` must hold.
What a token lacked goes to the operator's log; the stranger learns only that it is not accepted.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from msgspec import Struct

from tokend.auth.contract import AuthScheme, Credentials, not_known
from tokend.auth.jws import LEEWAY, MAX_TIME, InvalidToken, Token, looks_like_jws, read, told
from tokend.core.claims import Condition
from tokend.core.interfaces import Keys, KeySource
from tokend.core.model import Caller

if TYPE_CHECKING:
    from tokend.auth.jwk import Key

ASYMMETRIC: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
SYMMETRIC: Final = ("HS256",)
REMEMBERED: Final = 1024
"""Tokens that were found to hold, of all routes of a process, of at most 8 KiB each."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class TrustedIssuer(Struct, frozen=True):
    """What one caller takes for proof. `keys` are its own; `source` is where else they come from.

    `audiences` are looked for in `aud`, and, where `by_azp`, in `azp` (or the claim `client_id`) too.
    """

    caller: str
    issuer: str
    audiences: frozenset[str]
    algorithms: tuple[str, ...]
    keys: tuple["Key", ...] = ()
    source: KeySource | None = None
    require: tuple[Condition, ...] = ()
    by_azp: bool = False
    cookie: str | None = None


class _Known(Struct, frozen=True):
    """What a token was found to be, once its signature held: all of it but whether its time has come, or is past."""

    caller: Caller
    trust: TrustedIssuer
    key: "Key"
    begins: float
    begins_by: str
    ends: float

    def check_time(self, now: int) -> None:
        if self.ends <= now - LEEWAY:
            raise InvalidToken("exp is past")
        if self.begins > now + LEEWAY:
            raise InvalidToken(f"{self.begins_by} lies in the future")


class Jwt(AuthScheme):
    """All callers of a route that bring JWTs. Answers None for a token of an issuer that none of them trusts.

    What was found is remembered until the keys are fetched anew: a user asks more than once. A token that is refused is
    not, so that strangers push nobody's out by guessing.
    """

    name: ClassVar[str] = "jwt"
    _known: ClassVar[dict[tuple["Jwt", str, bool], _Known]] = {}
    """By the route's scheme, the token, and whether a cookie brought it: one for all, or many apps would be much memory."""

    def __init__(self, trusts: Sequence[TrustedIssuer]) -> None:
        self._trusts = tuple(trusts)
        self._by_cookie = tuple(one for one in trusts if one.cookie is not None)

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        by_cookie = not credentials.total  # cookies come unasked: one counts only where nothing else was sent
        text = credentials.cookie if by_cookie else credentials.bearer
        if text is None or not looks_like_jws(text):
            return None
        known = self._known.get((self, text, by_cookie))
        try:
            if known is None or not any(one is known.key for one in await _held(known.trust, keys)):
                known = await _examined(text, self._by_cookie if by_cookie else self._trusts, keys)
            known.check_time(now)
        except InvalidToken as reason:
            raise not_known(str(reason)) from None
        self._remember((self, text, by_cookie), known)
        return known.caller

    def _remember(self, credentials: tuple["Jwt", str, bool], known: _Known) -> None:
        if self._known.get(credentials) is known:
            return
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[credentials] = known


async def _examined(text: str, trusts: Sequence[TrustedIssuer], keys: Keys | None) -> _Known:
    """`Unfit` unless one of these trusts the token, its key signed it, and its claims are in order."""
    token = read(text)
    _check_type(token)
    claims, issuer = token.claims, token.claims.get("iss")
    candidates = [one for one in trusts if one.issuer == issuer]
    if not candidates:
        raise InvalidToken(f"no caller here trusts the issuer {told(issuer)}")
    trust = _for_audience(candidates, claims)
    key = await _signer(token, trust, keys)
    ends = _time(claims, "exp")
    if ends is None:
        raise InvalidToken("exp is missing")
    begins, begins_by = max((_time(claims, name) or 0.0, name) for name in ("nbf", "iat"))
    _check_claims(trust, claims)
    return _Known(Caller(trust.caller, claims), trust, key, begins, begins_by, ends)


def is_secure_url(url: str) -> bool:
    """Whether keys may come from a URL: over https, or over http from this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def _check_type(token: Token) -> None:
    kind = token.header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise InvalidToken(f"typ is {told(kind)}")


def _for_audience(candidates: Sequence[TrustedIssuer], claims: Mapping[str, Any]) -> TrustedIssuer:
    audience = claims.get("aud")
    named = {audience} if isinstance(audience, str) else set()
    if isinstance(audience, list) and all(isinstance(one, str) for one in audience):
        named = set(audience)
    for trust in candidates:
        also = [claims.get("azp"), claims.get("client_id")] if trust.by_azp else []
        if trust.audiences & (named | {one for one in also if isinstance(one, str)}):
            return trust
    wanted = " or ".join(f"caller {one.caller} wants {', '.join(sorted(one.audiences))}" for one in candidates)
    raise InvalidToken(f"aud is {told(audience)}, {wanted}")


async def _held(trust: TrustedIssuer, keys: Keys | None) -> Sequence["Key"]:
    """The keys that count for it, as far as they are known."""
    return trust.keys if trust.source is None or keys is None else (*trust.keys, *await keys.get_keys(trust.source))


async def _signer(token: Token, trust: TrustedIssuer, keys: Keys | None) -> "Key":
    """The key that signed the token."""
    algorithm, key_id = token.header.get("alg"), token.header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in trust.algorithms:
        raise InvalidToken(f"alg is {told(algorithm)}, caller {trust.caller} takes {', '.join(trust.algorithms)}")
    if key_id is not None and not isinstance(key_id, str):
        raise InvalidToken("kid is no text")
    get_keys = await _held(trust, keys)
    try:
        return _signer_among(get_keys, token, algorithm, key_id, trust)
    except InvalidToken:
        if trust.source is None or keys is None or (key_id is not None and any(one.kid == key_id for one in get_keys)):
            raise
        # signed by a key newer than those held, perhaps; without a kid only trying tells
        refresh_keys = (*trust.keys, *await keys.refresh_keys(trust.source))
        return _signer_among(refresh_keys, token, algorithm, key_id, trust)


def _signer_among(
    keys: Sequence["Key"], token: Token, algorithm: str, key_id: str | None, trust: TrustedIssuer
) -> "Key":
    """The one of these keys that signed it; `Unfit` says why none did."""
    from tokend.auth.jwk import is_for, is_signed

    named = [one for one in keys if key_id is None or one.kid in (None, key_id)]
    fitting = [one for one in named if is_for(one, algorithm)]
    if not fitting:
        raise InvalidToken(f"there is no key {told(key_id)} for {algorithm} of {trust.issuer}")
    if key_id is None and len(fitting) > 1 and any(one.kid is not None for one in fitting):
        raise InvalidToken(f"kid is missing, and {trust.issuer} has several keys")
    signer = next((one for one in fitting if is_signed(token, algorithm, one)), None)
    if signer is None:
        raise InvalidToken("the signature is by none of the issuer's keys")
    return signer


def _check_claims(trust: TrustedIssuer, claims: Mapping[str, Any]) -> None:
    if "sub" in claims and (not isinstance(claims["sub"], str) or not claims["sub"]):
        raise InvalidToken("sub is no text, or empty")
    for condition in trust.require:
        if not condition.holds(claims):
            raise InvalidToken(f"require: {condition}")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken(f"{name} is no time")
    if not 0 <= value <= MAX_TIME:
        raise InvalidToken(f"{name} is no time that anybody means")
    return value
