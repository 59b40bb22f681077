"""The shelf of auth schemes: the credentials of a request are read here, and offered to a route's schemes in order."""

import re
from collections.abc import Sequence
from typing import Final

from tokend.auth.contract import Presented, Scheme, not_known
from tokend.auth.key_digests import PREFIX, Digest, End, Key, check_digest, digest_of
from tokend.core.errors import Code, Refusal
from tokend.core.interfaces import Keys
from tokend.core.model import Caller

SCHEMES: Final = ("api_key", "url_key", "jwt", "forward_auth", "anonymous")
"""Every scheme's name, as the configuration writes it below a caller."""

_BESIDE: Final = (
    "an unknown credential goes before the proxy's headers: have the proxy remove Authorization and X-API-Key"
)
_VISIBLE: Final = re.compile(r"[!-~]+")


class Gate:
    """The schemes of one route. A credential that none of them knows is 401; two at once are 400."""

    def __init__(self, schemes: Sequence[Scheme]) -> None:
        self._schemes = tuple(schemes)

    @property
    def schemes(self) -> tuple[str, ...]:
        """The names of its schemes, in order."""
        return tuple(one.name for one in self._schemes)

    async def identify(self, presented: Presented, now: int, keys: Keys | None = None) -> Caller:
        """The caller, or `Refusal`. `now` in Unix seconds."""
        total = presented.total
        if total > 1:
            raise Refusal(
                Code.CREDENTIAL_AMBIGUOUS,
                "two credentials at once: send one of Authorization, X-API-Key and a key in the URL",
            )
        for scheme in self._schemes:
            caller = await scheme.identify(presented, now, keys)
            if caller is not None:
                return caller
        if total:
            beside = _BESIDE if presented.proxied else None
            raise not_known(beside)
        reason = presented.unproxied if presented.proxied is None else "the proxy names no user"
        raise Refusal(
            Code.UNAUTHENTICATED, "a credential is needed: send X-API-Key or Authorization: Bearer", operator=reason
        )


def present(
    authorization: Sequence[str], api_key: Sequence[str], url_key: str | None = None, cookie: str | None = None
) -> Presented:
    """The credentials in the values of the two headers, the path and the session cookie; a header sent twice is two."""
    if len(authorization) > 1 or len(api_key) > 1:
        raise Refusal(Code.CREDENTIAL_AMBIGUOUS, "a credential header stands twice in the request: send one")
    if not authorization and not api_key:
        return Presented(url_key=url_key, cookie=cookie)
    bearer, other = None, False
    for value in authorization:
        scheme, _, text = value.partition(" ")
        if scheme.lower() == "bearer" and _VISIBLE.fullmatch(text.strip(" ")):
            bearer = text.strip(" ")
        else:
            other = True
    key = next((one for one in api_key if _VISIBLE.fullmatch(one)), None)
    return Presented(bearer, key, url_key, cookie, other or (bool(api_key) and key is None))


__all__ = ["PREFIX", "SCHEMES", "Digest", "End", "Gate", "Key", "check_digest", "digest_of", "present"]
