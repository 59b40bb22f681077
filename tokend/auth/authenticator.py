"""The shelf of auth schemes: the credentials of a request are read here, and offered to a route's schemes in order."""

import re
from collections.abc import Sequence
from typing import Final

from tokend.auth.contract import AuthScheme, Credentials, not_known
from tokend.auth.key_digests import PREFIX, Digest, Expiry, Key, check_digest, digest_of
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Keys
from tokend.core.model import Caller

SCHEMES: Final = ("api_key", "url_key", "jwt", "forward_auth", "anonymous")
"""Every scheme's name, as the configuration writes it below a caller."""

_BESIDE: Final = (
    "an unknown credential goes before the proxy's headers: have the proxy remove Authorization and X-API-Key"
)
_VISIBLE: Final = re.compile(r"[!-~]+")


class Authenticator:
    """The schemes of one route. A credential that none of them knows is 401; two at once are 400."""

    def __init__(self, schemes: Sequence[AuthScheme]) -> None:
        self._schemes = tuple(schemes)

    @property
    def schemes(self) -> tuple[str, ...]:
        """The names of its schemes, in order."""
        return tuple(one.name for one in self._schemes)

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller:
        """The caller, or `Refusal`. `now` in Unix seconds."""
        total = credentials.total
        if total > 1:
            raise ApiError(
                Code.CREDENTIAL_AMBIGUOUS,
                "two credentials at once: send one of Authorization, X-API-Key and a key in the URL",
            )
        for scheme in self._schemes:
            caller = await scheme.authenticate(credentials, now, keys)
            if caller is not None:
                return caller
        if total:
            beside = _BESIDE if credentials.proxied else None
            raise not_known(beside)
        reason = credentials.unproxied if credentials.proxied is None else "the proxy names no user"
        raise ApiError(
            Code.UNAUTHENTICATED, "a credential is needed: send X-API-Key or Authorization: Bearer", operator=reason
        )


def read_credentials(
    authorization: Sequence[str], api_key: Sequence[str], url_key: str | None = None, cookie: str | None = None
) -> Credentials:
    """The credentials in the values of the two headers, the path and the session cookie; a header sent twice is two."""
    if len(authorization) > 1 or len(api_key) > 1:
        raise ApiError(Code.CREDENTIAL_AMBIGUOUS, "a credential header stands twice in the request: send one")
    if not authorization and not api_key:
        return Credentials(url_key=url_key, cookie=cookie)
    bearer, other = None, False
    for value in authorization:
        scheme, _, text = value.partition(" ")
        if scheme.lower() == "bearer" and _VISIBLE.fullmatch(text.strip(" ")):
            bearer = text.strip(" ")
        else:
            other = True
    key = next((one for one in api_key if _VISIBLE.fullmatch(one)), None)
    return Credentials(bearer, key, url_key, cookie, other or (bool(api_key) and key is None))


__all__ = [
    "PREFIX",
    "SCHEMES",
    "Authenticator",
    "Digest",
    "Expiry",
    "Key",
    "check_digest",
    "digest_of",
    "read_credentials",
]
