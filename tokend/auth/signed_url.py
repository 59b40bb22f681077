"""Signed URLs, `{path}/k/<signed>/…`: a `url_key` caller whose rules are restricted for a link with an end.

A signed URL is a compact JWS by one of the app's signing keys. The server keeps no list of signed URLs, so each is read
strictly: anything unknown in it is an error.
"""

import re
from collections.abc import Container, Mapping
from typing import Annotated, Final

import msgspec.json
from pydantic import Field, ValidationError

from tokend.auth.contract import SigningKeys, not_known
from tokend.auth.jws import LEEWAY, MAX_TIME, InvalidToken, Token, quoted, read
from tokend.core.model import Caller, Restriction
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, first_field_error

MAX_SECONDS: Final = 31 * 86_400
"""The longest lifetime of a signed URL. Only the deny list or another signing key can revoke it earlier."""
MIN_SECRET: Final = 32
"""The fewest bytes of a signing key."""
ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TYPE: Final = "tokend-url+jwt"
_ALGORITHM: Final = "HS256"
_NAMES: Final = ("primary", "secondary")

_Text = Annotated[str, Field(min_length=1)]
_Time = Annotated[int, Field(ge=0, le=MAX_TIME)]


class UrlClaims(StrictModel):
    """The claims of a signed URL: app, caller, id, begin and end in Unix seconds, and restrictions of the rules."""

    app: str
    caller: str
    jti: Annotated[str, Field(pattern=f"^{ID.pattern}$")]
    iat: _Time
    exp: _Time
    kinds: Annotated[list[_Text], Field(min_length=1)] | None = None
    channel: _Text | None = None
    user: _Text | None = None
    roles: Annotated[list[_Text], Field(min_length=1)] | None = None
    max_ttl: Annotated[int, Field(ge=1)] | None = None

    def caller_here(self) -> Caller:
        """The caller that the URL authenticates."""
        restriction = Restriction(
            source=f"url {self.jti}",
            kinds=None if self.kinds is None else frozenset(self.kinds),
            channel=self.channel,
            user=self.user,
            roles=None if self.roles is None else frozenset(self.roles),
            max_ttl=self.max_ttl,
        )
        return Caller(self.caller, {"jti": self.jti, "iat": self.iat, "exp": self.exp}, (restriction,), self.jti)


def signing_keys(secrets: Mapping[str, Secret], signing: str) -> SigningKeys:
    """The signing keys with these secrets. Each secret is a random text of at least `MIN_SECRET` bytes."""
    from tokend.auth.jwk import secret_key

    return SigningKeys({name: secret_key(secret.reveal()) for name, secret in secrets.items()}, signing)


def sign(claims: UrlClaims, keys: SigningKeys) -> str:
    """The text that the URL has in place of a key."""
    from tokend.auth import jwk

    header = {"alg": _ALGORITHM, "kid": keys.signing, "typ": _TYPE}
    payload = msgspec.json.encode(claims.model_dump(exclude_none=True))
    return jwk.sign(header, payload, keys.keys[keys.signing])


def caller_of_url(text: str, app: str, callers: Container[str], keys: SigningKeys, now: int) -> Caller:
    """The caller that a signed URL authenticates. Raises `ApiError` (401) if it is not valid.

    `callers`: names of the route's callers that take keys in the URL. `now` in Unix seconds.
    """
    try:
        token = read(text)
        _check_signature(token, keys)
        claims = _claims(token)
        _check(claims, app, callers, now)
    except InvalidToken as reason:
        raise not_known(f"signed URL: {reason}") from None
    return claims.caller_here()


def _check(claims: UrlClaims, app: str, callers: Container[str], now: int) -> None:
    if claims.app != app:
        raise InvalidToken(f"{claims.jti} is for app {quoted(claims.app)}")
    if claims.caller not in callers:
        raise InvalidToken(f"{claims.jti} is for caller {quoted(claims.caller)}, who has no url_key on this route")
    if claims.iat > now + LEEWAY:
        raise InvalidToken(f"{claims.jti} begins in the future")
    if claims.exp - claims.iat > MAX_SECONDS:
        raise InvalidToken(f"{claims.jti} lasts over {MAX_SECONDS} s")
    if claims.exp <= now:
        raise InvalidToken(f"{claims.jti} has ended")


def _check_signature(token: Token, keys: SigningKeys) -> None:
    from tokend.auth.jwk import is_signed

    if token.header.keys() != {"alg", "kid", "typ"}:
        raise InvalidToken("the header must have alg, kid and typ, and nothing else")
    if token.header["typ"] != _TYPE:
        raise InvalidToken(f"typ is not {_TYPE}")
    if token.header["alg"] != _ALGORITHM:
        raise InvalidToken(f"alg is not {_ALGORITHM}")
    if token.header["kid"] not in _NAMES:
        raise InvalidToken(f"kid is {quoted(token.header['kid'])}")
    # a rotation moves a key from secondary to primary and its URLs stay valid, so kid, a hint for operators, does not choose
    if not any(is_signed(token, _ALGORITHM, key) for key in keys.keys.values()):
        raise InvalidToken("the signature is by none of the app's signing keys")


def _claims(token: Token) -> UrlClaims:
    """The claims of a token whose signature is valid. Raises `InvalidToken` for an unknown or null claim."""
    if None in token.claims.values():  # an unset variable in the signing program must not remove a limit
        raise InvalidToken("a claim is null")
    try:
        return UrlClaims.model_validate(token.claims)
    except ValidationError as error:
        first = first_field_error(error, UrlClaims)
        name = ".".join(map(str, first.path))
        raise InvalidToken(
            f"claim {quoted(name)} is unknown" if first.unknown else f"{name} {first.sentence}"
        ) from None
