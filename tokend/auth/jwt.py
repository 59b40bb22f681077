"""JWTs of an identity provider, as `Authorization: Bearer` or in a preset's cookie. joserfc checks the signatures.

Issuer and audience of a token decide its caller. Then signature, times and `require` are checked. The operator's log
says why a token is not accepted; the client learns only that it is not. Of a token whose signature is not verified, a
reason repeats only `iss` and `kid`, printable and at most 80 characters each, and `alg` if it is a registered name.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec import Struct

from tokend.auth.contract import BEARER, AppContext, AuthScheme, Cookie, Credentials, Place, Source, not_known
from tokend.auth.jws import LEEWAY, MAX_TIME, InvalidToken, Token, looks_like_jws, quoted, read
from tokend.auth.jwt_options import JwtOptions, TrustedIssuer, option_problems, trusted_issuer
from tokend.auth.jwt_ties import ties_between_apps, ties_within_app
from tokend.core.claims import Condition
from tokend.core.errors import ApiError
from tokend.core.interfaces import Keys
from tokend.core.model import Caller
from tokend.core.remembered import Remembered, memory_of

if TYPE_CHECKING:
    from tokend.auth.jwk import Key

CACHE_BYTES: Final = 32 * 1024 * 1024
"""The memory for valid tokens that are cached, for all routes of a process: some 10,000 users."""
MAX_TRIED: Final = 4
"""The most fetched keys that are tried for a token. Several fit only while keys rotate, or if they have no kid."""
_PARTS_OF_JWE: Final = 5
"""RFC 7516, 7.1."""
_MOST_NAMED: Final = 3
"""How many trusted issuers a reason names."""
_ALGORITHMS: Final = frozenset(f"{family}{bits}" for family in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512)) | {
    "none",
    "EdDSA",
    "Ed25519",
    "Ed448",
    "ES256K",
}
"""Registered names of JWS signature algorithms (IANA, JSON Object Signing and Encryption)."""
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class _Known(Struct, frozen=True):
    """A token whose signature and claims are valid. Only its times remain to be checked; they are Unix seconds."""

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


def cached_size(text: str, claims: Mapping[str, Any]) -> int:
    """The bytes that a valid token takes in the cache. Claims of many small values take twenty times the bytes of the text."""
    return 400 + memory_of(text) + memory_of(claims)


class Jwt(AuthScheme):
    """Authenticates all callers of a route that use JWTs.

    Valid tokens are cached while their key is known, since a user sends several requests. Invalid tokens are not cached,
    so that guesses cannot evict the tokens of users.
    """

    name: ClassVar[str] = "jwt"
    Options = JwtOptions
    instructions: ClassVar[str] = (
        "Send the JWT that your identity provider issued to the user as `Authorization: Bearer JWT`. Where the route "
        "reads a session cookie, call it from a page of an allowed origin."
    )
    reads: tuple[Source, ...] = (BEARER,)
    priority: ClassVar[int] = 30
    brings_claims: ClassVar[bool] = True
    from_web_pages: ClassVar[bool] = True
    _known: ClassVar[Remembered[tuple["Jwt", str, bool], _Known]] = Remembered(CACHE_BYTES)
    """By the route's scheme, the token, and whether it came in a cookie. All routes share it, which saves memory."""

    def __init__(self, app: AppContext, callers: Mapping[str, JwtOptions]) -> None:
        super().__init__(app, callers)
        self._trusts = tuple(trusted_issuer(name, options) for name, options in callers.items())
        self._by_cookie = tuple(trust for trust in self._trusts if trust.cookie is not None)
        self.reads = (BEARER, *(Cookie(trust.cookie) for trust in self._trusts if trust.cookie is not None))

    @classmethod
    def problems(cls, app: AppContext, callers: Mapping[str, JwtOptions]) -> Iterable[tuple[Place, str]]:
        for name, options in callers.items():
            for place, sentence in option_problems(options):
                yield (name, *place), sentence
        yield from ties_within_app(callers)

    @classmethod
    def problems_between_apps(cls, callers: Mapping[tuple[str, str], JwtOptions]) -> Iterable[tuple[Place, str]]:
        return ties_between_apps(callers)

    @classmethod
    def requirements(cls, options: JwtOptions) -> Sequence[Condition]:
        return options.conditions

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        # browsers add cookies by themselves: one counts only if no other credential was sent
        by_cookie = not credentials.total
        text = credentials.cookie if by_cookie else credentials.bearer
        if text is None or not looks_like_jws(text):
            return None
        if by_cookie and not self._by_cookie:  # the cookie of another scheme
            return None
        credential = (self, text, by_cookie)
        known = self._known.get(credential)
        try:
            if known is not None and any(key is known.key for key in await _held(known.trust, keys)):
                known.check_time(now)
                return known.caller
            known = await _examined(text, self._by_cookie if by_cookie else self._trusts, keys)
            known.check_time(now)
        except InvalidToken as reason:
            self._known.forget(credential)
            raise not_known(str(reason)) from None
        self._known.keep(credential, known, cached_size(text, known.caller.claims))
        return known.caller

    def not_mine(self, credentials: Credentials) -> str | None:
        """What form a bearer token has instead of that of a signed JWT, or which header has the JWT instead."""
        for name in (name for name, value in credentials.headers.items() if looks_like_jws(value)):
            return f"the header {name} has the form of a JWT: send it as Authorization: Bearer JWT"
        if credentials.bearer is None or looks_like_jws(credentials.bearer):
            return None
        parts = credentials.bearer.count(".") + 1
        if parts == _PARTS_OF_JWE:
            return (
                "the bearer token is an encrypted JWT (five parts): have the provider issue signed ones (three parts)"
            )
        if parts == 1:
            return (
                "the bearer token is opaque (no dots), or a key that nobody here has. A signed JWT has three parts. Some "
                "providers issue opaque tokens where no audience is requested"
            )
        return f"the bearer token has {parts} parts with dots between, and a signed JWT has three"


async def _examined(text: str, trusts: Sequence[TrustedIssuer], keys: Keys | None) -> _Known:
    """Check the issuer, audience, signature and claims of a token. Raises `InvalidToken`."""
    token = read(text)
    _check_type(token)
    claims, issuer = token.claims, token.claims.get("iss")
    candidates = [trust for trust in trusts if trust.issuer == issuer]
    if not candidates:
        trusted = " and ".join(sorted({trust.issuer for trust in trusts})[:_MOST_NAMED])
        named = f"the issuer {quoted(issuer)}" if "iss" in claims else "a token without iss"
        raise InvalidToken(f"no caller here trusts {named}; trusted: {trusted}")
    trust = _for_audience(candidates, claims)
    if trust is None:
        raise await _wrong_audience(token, candidates, keys)
    key = await _signer(token, trust, keys)
    ends = _time(claims, "exp")
    if ends is None:
        raise InvalidToken("exp is missing")
    begins, begins_by = max((_time(claims, name) or 0.0, name) for name in ("nbf", "iat"))
    _check_claims(trust, claims)
    return _Known(Caller(trust.caller, claims), trust, key, begins, begins_by, ends)


def _check_type(token: Token) -> None:
    kind = token.header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise InvalidToken("typ is none of JWT and at+jwt")


def _for_audience(candidates: Sequence[TrustedIssuer], claims: Mapping[str, Any]) -> TrustedIssuer | None:
    audience = claims.get("aud")
    named = {audience} if isinstance(audience, str) else set()
    if isinstance(audience, list) and all(isinstance(item, str) for item in audience):
        named = set(audience)
    for trust in candidates:
        also = [claims.get("azp"), claims.get("client_id")] if trust.by_azp else []
        if trust.audiences & (named | {value for value in also if isinstance(value, str)}):
            return trust
    return None


async def _wrong_audience(token: Token, candidates: Sequence[TrustedIssuer], keys: Keys | None) -> InvalidToken:
    """The reason for a token whose audience fits no caller. It repeats the audience only if the signature is verified."""
    audience = token.claims.get("aud")
    expected = " or ".join(
        f"caller {trust.caller} expects {', '.join(sorted(trust.audiences))}" for trust in candidates
    )
    for trust in candidates:
        try:
            await _signer(token, trust, keys)
        except (InvalidToken, ApiError):  # ApiError: the provider is down, which does not make this token valid later
            continue
        return InvalidToken(f"aud is {_audience_in_words(audience)}, {expected}")
    found = "is missing" if audience is None else "does not fit"
    return InvalidToken(f"aud {found}, and the signature is not verified; {expected}")


def _audience_in_words(audience: object) -> str:
    """The form of `aud`; of a list, the values stay out of the log."""
    if audience is None:
        return "missing"
    if isinstance(audience, list):
        return f"a list of {len(audience)}, of which none fits" if audience else "an empty list"
    return quoted(audience) if isinstance(audience, str) else "neither text nor a list"


async def _held(trust: TrustedIssuer, keys: Keys | None) -> Sequence["Key"]:
    """The keys that count for it, as far as they are known."""
    return trust.keys if trust.source is None or keys is None else (*trust.keys, *await keys.get_keys(trust.source))


async def _signer(token: Token, trust: TrustedIssuer, keys: Keys | None) -> "Key":
    """The key that signed the token."""
    algorithm, key_id = token.header.get("alg"), token.header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in trust.algorithms:
        named = algorithm if isinstance(algorithm, str) and algorithm in _ALGORITHMS else "no registered name"
        raise InvalidToken(f"alg is {named}, caller {trust.caller} takes {', '.join(trust.algorithms)}")
    if key_id is not None and not isinstance(key_id, str):
        raise InvalidToken("kid is no text")
    held = await _held(trust, keys)
    try:
        return _signer_among(held, token, algorithm, key_id, trust)
    except InvalidToken:
        if trust.source is None or keys is None or (key_id is not None and any(key.kid == key_id for key in held)):
            raise
        # a newer key may have signed it; without a kid, only trying shows that
        refreshed = (*trust.keys, *await keys.refresh_keys(trust.source))
        if refreshed == held:  # a provider is asked twice a minute at most; strangers send tokens more often
            raise
        return _signer_among(refreshed, token, algorithm, key_id, trust)


def _signer_among(
    keys: Sequence["Key"], token: Token, algorithm: str, key_id: str | None, trust: TrustedIssuer
) -> "Key":
    """The key that signed the token. Raises `InvalidToken` if none of them did."""
    from tokend.auth.jwk import is_for, is_signed

    named = [key for key in keys if key_id is None or key.kid in (None, key_id)]
    named.sort(key=lambda key: key.kid != key_id)  # first those that have the token's kid
    fitting = [key for key in named if is_for(key, algorithm)]
    if not fitting:
        raise InvalidToken(f"there is no key {quoted(key_id)} for {algorithm} of {trust.issuer}")
    if key_id is None and len(fitting) > 1 and any(key.kid is not None for key in fitting):
        raise InvalidToken(f"kid is missing, and {trust.issuer} has several keys")
    tried = fitting[: len(trust.keys) + MAX_TRIED]  # checking one takes up to 0.5 ms, and strangers send them too
    signer = next((key for key in tried if is_signed(token, algorithm, key)), None)
    if signer is None and len(tried) < len(fitting):
        raise InvalidToken(
            f"the signature is by none of {len(tried)} keys; {trust.issuer} has {len(fitting)} that the token does not "
            "tell apart by its kid"
        )
    if signer is None:
        raise InvalidToken("the signature is by none of the issuer's keys")
    return signer


def _check_claims(trust: TrustedIssuer, claims: Mapping[str, Any]) -> None:
    if "sub" in claims and (not isinstance(claims["sub"], str) or not claims["sub"]):
        raise InvalidToken("sub must be text that is not empty")
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
        raise InvalidToken(f"{name} is out of range")
    return value
