"""The nouns that every room shares: refusals, secrets, asks, callers, services, grants, stamps and what is issued.

Plain data. Nothing here knows a vendor, a web server, a clock or a file.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tokend.core.errors import ApiError
from tokend.core.secrets import Secret

PLATFORM_MAX_TTL: Final = 86_400
"""Seconds: no token lives longer, whatever it says."""

NOTHING: Final[Mapping[str, object]] = {}


class AppCredentials(Struct, frozen=True):
    """What an app signs with. `certificates` maps a name (primary, secondary) to each that verifies.

    `signing` names the one that signs tokens; the vendor's REST calls are always signed by the primary.
    """

    app_id: str | None
    certificates: Mapping[str, Secret]
    signing: str = "primary"


class Issuance(Struct, frozen=True):
    """Made at the door, once a token: `issued_at` in Unix seconds (one a request), `salt` in 1..99999999."""

    issued_at: int
    nonce: int


class TokenRequest(Struct, frozen=True):
    """Untrusted: what a caller wants. `fields` are those of the kind; `ttl` in seconds, None where not said.

    `names` says what the dialect calls a field (`{"ttl": "expiry"}`), for refusals to name what the client sent.
    `app_id`: the App ID that the client believes it asks, where its contract sends one.
    """

    kind: str
    fields: Mapping[str, object]
    ttl: int | None = None
    names: Mapping[str, str] = {}
    app_id: str | None = None


class Restriction(Struct, frozen=True):
    """What a signed URL or an authorizer leaves of what a caller's rules permit. None leaves that part as it is.

    `channel` and `user` are texts in which `*` stands for one or more characters; `max_ttl` in seconds. `source` names
    who restricts, for explain and the log: a URL's id, or the authorizer.
    """

    source: str
    kinds: frozenset[str] | None = None
    channel: str | None = None
    user: str | None = None
    roles: frozenset[str] | None = None
    max_ttl: int | None = None


class Caller(Struct, frozen=True):
    """Who asks, as an auth scheme established it: the caller's name in the app and its verified claims.

    Each of `restrictions` holds besides whatever rule permits. `url`: the id of the signed URL that was presented.
    """

    name: str
    claims: Mapping[str, object] = NOTHING
    restrictions: tuple[Restriction, ...] = ()
    url: str | None = None


class Service(Struct, frozen=True):
    """One service of a token. User and channel stand as on the wire (uid 0 is ""); None: the service has none.

    `privileges` maps a name to seconds from the issue time. Names that start with `publish` make a publisher, `join`,
    `play` and `subscribe` a subscriber, `app` an administrator's credential. `detail` holds what else the token says.
    """

    name: str
    user: str | None = None
    channel: str | None = None
    privileges: Mapping[str, int] = {}
    detail: Mapping[str, object] = NOTHING


class Grant(Struct, frozen=True):
    """What a token gives: app id, format, ttl in seconds and services. Never holds a secret."""

    app_id: str | None
    format: str
    ttl: int
    services: tuple[Service, ...]


class Issued(Struct, frozen=True):
    """A released token: times in Unix seconds, ttl in seconds. `rule` permitted it.

    `filled` are fields of the kind that the rule filled in; `clamped_from` is the ttl asked for, where it was cut;
    `extra` is what the backend adds to the native answer; `restricted_by` names what restricted the caller.
    """

    token_request: TokenRequest
    grant: Grant
    token: str
    issued_at: int
    expires_at: int
    renew_at: int
    rule: str
    filled: Mapping[str, object]
    clamped_from: int | None
    extra: Mapping[str, object]
    restricted_by: tuple[str, ...] = ()


Outcome = Issued | ApiError


class Decision(Struct, frozen=True):
    """One entry of the audit: everything but the token. `refusal` is None for a token that is about to be released.

    `caller` and `ask` are None where the credential was refused. `url`: the id of the signed URL that the caller came by;
    `restricted_by`: the sources of the caller's restrictions.
    """

    app: str
    caller: str | None
    token_request: TokenRequest | None
    grant: Grant | None
    rule: str | None
    token_sha256: str | None
    issued_at: int
    api_error: ApiError | None
    request_id: str = ""
    url: str | None = None
    restricted_by: tuple[str, ...] = ()
