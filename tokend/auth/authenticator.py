"""Authenticates requests of a route with its auth schemes, and reads the credentials for them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tokend.auth.api_key import API_KEY_HEADER
from tokend.auth.contract import (
    BEARER,
    PATH_KEY,
    AuthScheme,
    Cookie,
    Credentials,
    Header,
    PathKey,
    ProxyHeaders,
    Source,
    not_known,
)
from tokend.core.claims import Condition
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Keys
from tokend.core.model import Caller

_BESIDE: Final = (
    "an unknown credential goes before the proxy's headers: have the proxy remove Authorization and X-API-Key"
)
_UNREAD: Final = (
    "Authorization is not the word Bearer, a blank and a credential, or a credential has characters outside ASCII"
)
_VISIBLE: Final = re.compile(r"[!-~]+")


class Authenticator:
    """The schemes of a route, by priority."""

    def __init__(self, schemes: Sequence[AuthScheme]) -> None:
        self._schemes = tuple(sorted(schemes, key=lambda scheme: scheme.priority))
        sources = [source for scheme in self._schemes for source in scheme.reads]
        self.headers = frozenset(
            {API_KEY_HEADER, *(source.name.lower() for source in sources if isinstance(source, Header))}
        )
        """Names of headers with credentials, in lower case. An X-API-Key that no scheme reads is an unknown credential."""
        self.cookie = next((source.name for source in sources if isinstance(source, Cookie)), None)
        self.proxy_headers = frozenset(
            name for source in sources if isinstance(source, ProxyHeaders) for name in source.names
        )
        """Names of headers that are read from trusted proxies, in lower case."""
        self.path_key_callers = tuple(
            caller
            for scheme in self._schemes
            if any(isinstance(source, PathKey) for source in scheme.reads)
            for caller in scheme.callers
        )
        """Names of the callers that a key in the URL authenticates."""
        self.open_callers = tuple(
            caller for scheme in self._schemes if scheme.takes_anybody for caller in scheme.callers
        )
        """Names of the callers that need no credential."""
        self._unauthenticated = _unauthenticated(sources)

    def __iter__(self) -> Iterator[AuthScheme]:
        """Its schemes, in order."""
        return iter(self._schemes)

    @property
    def schemes(self) -> tuple[str, ...]:
        """The names of its schemes, in order."""
        return tuple(scheme.name for scheme in self._schemes)

    def requirements(self, caller: str) -> Sequence[Condition]:
        """What the options of a caller require of its claims, whatever its rules."""
        schemes = (scheme for scheme in self._schemes if caller in scheme.callers)
        return next((scheme.requirements(scheme.callers[caller]) for scheme in schemes), ())

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller:
        """The caller. Raises `ApiError`: 401 if no scheme accepts a credential, 400 for two at once. `now` in Unix seconds."""
        total = credentials.total
        if total > 1:
            raise ApiError(
                Code.CREDENTIAL_AMBIGUOUS,
                "two credentials at once: send one",
            )
        for scheme in self._schemes:
            caller = await scheme.authenticate(credentials, now, keys)
            if caller is not None:
                if caller.name not in scheme.callers:  # its rules would be those of another caller
                    raise ApiError(
                        Code.INTERNAL,
                        "the credential cannot be checked",
                        operator=f"auth scheme {scheme.name} returned a caller that it does not authenticate",
                    )
                return caller
        if total:
            reasons = [_BESIDE] if credentials.proxied else []
            reasons += [_UNREAD] if credentials.other else []
            reasons += [reason for scheme in self._schemes if (reason := scheme.not_mine(credentials)) is not None]
            raise not_known("; ".join(reasons) or None)
        reason = credentials.unproxied if credentials.proxied is None else "the proxy names no user"
        raise ApiError(Code.UNAUTHENTICATED, self._unauthenticated, operator=reason)


def _unauthenticated(sources: Sequence[Source]) -> str:
    """The error for a request without a credential: what a client of these sources may send."""
    ways = [source.name for source in sources if isinstance(source, Header)]
    ways += ["Authorization: Bearer"] if BEARER in sources else []
    ways += ["a key in the URL"] if PATH_KEY in sources else []
    return f"authentication required: send {' or '.join(dict.fromkeys(ways))}" if ways else "authentication required"


def read_credentials(
    authorization: Sequence[str],
    headers: Mapping[str, Sequence[str]] = {},
    path_key: str | None = None,
    cookie: str | None = None,
) -> Credentials:
    """Collect the credentials from the Authorization header, other headers, the path and the route's cookie.

    Each header is passed with all its values; raises `ApiError` (400) for a repeated one. `headers`: by name in lower case.
    """
    if len(authorization) > 1 or any(len(values) > 1 for values in headers.values()):
        raise ApiError(Code.CREDENTIAL_AMBIGUOUS, "a credential header is given twice in the request: send one")
    bearer, other, found = None, False, {}
    for value in authorization:
        scheme, _, text = value.partition(" ")
        if scheme.lower() == "bearer" and _VISIBLE.fullmatch(text.strip(" ")):
            bearer = text.strip(" ")
        else:
            other = True
    for name, values in headers.items():
        for value in values:
            if _VISIBLE.fullmatch(value):
                found[name] = value
            else:
                other = True
    return Credentials(bearer, found, path_key, cookie, other)
