"""Users that a proxy in front has signed in and names in headers: oauth2-proxy, Authelia, nginx auth_request.

Which peers are such proxies is the server's to say: here the headers are those of a trusted one. What they lacked goes to
the operator's log; the stranger learns only that it is not accepted.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from msgspec import Struct

from tokend.auth.contract import AuthScheme, Credentials
from tokend.core.claims import Condition
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Keys
from tokend.core.model import Caller
from tokend.core.secrets import Secret

Headers = Mapping[str, Sequence[str]]
"""The values of each header, by its name in lower case."""


class SecretHeader(Struct, frozen=True):
    """A header that only the proxy can fill."""

    name: str
    secret: Secret


class ForwardAuthConfig(Struct, frozen=True):
    """What one caller reads, all names of headers in lower case: `user` becomes `claims.sub`, `lists` split at commas."""

    caller: str
    user: str
    claims: Mapping[str, str] = {}
    lists: Mapping[str, str] = {}
    secret_header: SecretHeader | None = None
    require: tuple[Condition, ...] = ()

    @property
    def headers(self) -> frozenset[str]:
        """All that it reads."""
        secret = () if self.secret_header is None else (self.secret_header.name,)
        return frozenset((self.user, *self.claims.values(), *self.lists.values(), *secret))


class _InvalidHeaders(Exception):
    """Why headers do not do, for the operator."""


class ForwardAuth(AuthScheme):
    """All callers of a route whose users a proxy names. Whatever credential the client sent itself goes first."""

    name: ClassVar[str] = "forward_auth"

    def __init__(self, forwardings: Iterable[ForwardAuthConfig]) -> None:
        self._forwardings = tuple(forwardings)

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        headers = credentials.proxied
        if credentials.total or headers is None:
            return None
        named = [one for one in self._forwardings if one.user in headers]
        if not named:
            return None
        try:
            return _first_fitting(named, headers)
        except _InvalidHeaders as reason:
            raise ApiError(Code.CREDENTIAL_INVALID, "this credential is not known here", operator=str(reason)) from None


def _first_fitting(named: Sequence[ForwardAuthConfig], headers: Headers) -> Caller:
    """Several callers may read one header. Two headers with a user each are one too many: a client may have added one."""
    users = sorted({one.user for one in named})
    if len(users) > 1:
        raise _InvalidHeaders(f"{' and '.join(users)} each name a user: have every proxy remove what it does not set")
    reasons = []
    for one in named:
        try:
            return _caller(one, headers)
        except _InvalidHeaders as reason:
            reasons.append(f"caller {one.caller}: {reason}")
    raise _InvalidHeaders("; ".join(reasons))


def _caller(forwarding: ForwardAuthConfig, headers: Headers) -> Caller:
    if forwarding.secret_header is not None:
        _check_secret(forwarding.secret_header, headers)
    user = _text(forwarding.user, headers)
    if not user:
        raise _InvalidHeaders(f"{forwarding.user} is empty")
    claims: dict[str, object] = {"sub": user}
    for name, header in forwarding.claims.items():
        if text := _text(header, headers):
            claims[name] = text
    for name, header in forwarding.lists.items():
        if items := [item for one in _text(header, headers).split(",") if (item := one.strip())]:
            claims[name] = items
    for condition in forwarding.require:
        if not condition.holds(claims):
            raise _InvalidHeaders(f"require: {condition}")
    return Caller(forwarding.caller, claims)


def _check_secret(header: SecretHeader, headers: Headers) -> None:
    sent = _text(header.name, headers).encode()
    if not hmac.compare_digest(sent, header.secret.reveal().encode()):
        raise _InvalidHeaders(f"{header.name} does not hold the shared secret")


def _text(name: str, headers: Headers) -> str:
    """The one value of a header, empty where there is none: UTF-8 that can be seen, so no byte that a log or a rule
    would show as something else."""
    values = headers.get(name, ("",))
    if len(values) > 1:
        raise _InvalidHeaders(f"{name} stands twice in the request: the proxy has to replace what a client sends")
    if not values[0].isprintable():
        raise _InvalidHeaders(f"{name} is no visible UTF-8 text")
    return values[0]
