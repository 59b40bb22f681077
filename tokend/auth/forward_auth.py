"""Users that a proxy in front has signed in and names in headers: oauth2-proxy, Authelia, nginx auth_request.

Only headers of trusted proxies count; the server decides which peers those are. The operator's log says why headers do
not count; the client learns only that its credential is not accepted.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, ClassVar

from tokend.auth.contract import (
    PROXY_HEADERS,
    AppContext,
    AuthScheme,
    Credentials,
    Place,
    ProxyHeaders,
    Source,
    not_known,
)
from tokend.auth.forward_auth_options import ForwardAuthOptions, SecretHeader, option_problems
from tokend.core.claims import Condition
from tokend.core.conditions import exclude_each_other
from tokend.core.interfaces import Keys
from tokend.core.model import Caller
from tokend.core.validation import redact_secrets

Headers = Mapping[str, Sequence[str]]
"""The values of each header, by its name in lower case."""


class _InvalidHeaders(Exception):
    """The headers are not valid. The message is the reason, for the operator."""


class ForwardAuth(AuthScheme):
    """Authenticates all callers of a route whose users a proxy names, unless the client itself sent a credential."""

    name: ClassVar[str] = "forward_auth"
    Options = ForwardAuthOptions
    instructions: ClassVar[str] = (
        "Sign in at the proxy in front of this server, and send requests through it. The proxy names the user; a client "
        "sends no credential of its own."
    )
    reads: tuple[Source, ...] = (PROXY_HEADERS,)
    priority: ClassVar[int] = 80
    brings_claims: ClassVar[bool] = True
    has_issue_time: ClassVar[bool] = False

    def __init__(self, app: AppContext, callers: Mapping[str, ForwardAuthOptions]) -> None:
        super().__init__(app, callers)
        self.reads = (ProxyHeaders(frozenset().union(*(options.headers for options in callers.values()))),)

    @classmethod
    def problems(cls, app: AppContext, callers: Mapping[str, Any]) -> Iterable[tuple[Place, str]]:
        for name, options in callers.items():
            for place, sentence in option_problems(options):
                yield (name, *place), sentence

    @classmethod
    def problems_of_route(cls, callers: Mapping[str, ForwardAuthOptions]) -> Iterable[str]:
        """Two callers that the same user could be."""
        for (name, options), (other_name, other) in combinations(callers.items(), 2):
            if options.proxy.user == other.proxy.user and not exclude_each_other(options.require, other.require):
                both = f"{redact_secrets(name)} and {redact_secrets(other_name)}"
                sentence = "that read the same header: have both require the same claim, with different values"
                yield f"takes in two forward_auth callers, {both}, {sentence}"
                return

    @classmethod
    def requirements(cls, options: ForwardAuthOptions) -> Sequence[Condition]:
        return options.require

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        headers = credentials.proxied
        if credentials.total or headers is None:
            return None
        named = {name: options for name, options in self.callers.items() if options.proxy.user in headers}
        if not named:
            return None
        try:
            return _first_fitting(named, headers)
        except _InvalidHeaders as reason:
            raise not_known(str(reason)) from None


def _first_fitting(named: Mapping[str, ForwardAuthOptions], headers: Headers) -> Caller:
    """The first caller that the headers fit. Two headers with users are an error, since a client may have added one."""
    users = sorted({options.proxy.user for options in named.values()})
    if len(users) > 1:
        raise _InvalidHeaders(f"{' and '.join(users)} each name a user: have every proxy remove what it does not set")
    reasons = []
    for name, options in named.items():
        try:
            return Caller(name, _claims(options, headers))
        except _InvalidHeaders as reason:
            reasons.append(f"caller {name}: {reason}")
    raise _InvalidHeaders("; ".join(reasons))


def _claims(options: ForwardAuthOptions, headers: Headers) -> Mapping[str, object]:
    """The claims of a user whom the headers name."""
    if options.secret_header is not None:
        _check_secret(options.secret_header, headers)
    proxy = options.proxy
    user = _text(proxy.user, headers)
    if not user:
        raise _InvalidHeaders(f"{proxy.user} is empty")
    claims: dict[str, object] = {"sub": user}
    for name, header in proxy.claims.items():
        if text := _text(header, headers):
            claims[name] = text
    for name, header in proxy.lists.items():
        if items := [item for text in _text(header, headers).split(",") if (item := text.strip())]:
            claims[name] = items
    for condition in options.require:
        if not condition.holds(claims):
            raise _InvalidHeaders(f"require: {condition}")
    return claims


def _check_secret(header: SecretHeader, headers: Headers) -> None:
    sent = _text(header.name, headers).encode()
    if not hmac.compare_digest(sent, header.secret.reveal().encode()):
        raise _InvalidHeaders(f"{header.name} does not hold the shared secret")


def _text(name: str, headers: Headers) -> str:
    """The value of a header, empty if there is none. Raises `_InvalidHeaders` for two values or invisible characters."""
    values = headers.get(name, ("",))
    if len(values) > 1:
        raise _InvalidHeaders(f"{name} is given twice in the request: the proxy has to replace what a client sends")
    if not values[0].isprintable():
        raise _InvalidHeaders(f"{name} is no visible UTF-8 text")
    return values[0]
