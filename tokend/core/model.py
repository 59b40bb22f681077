"""Data types that all packages share: token requests, callers, services, grants, issued tokens, audit decisions."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from msgspec import Struct

from tokend.core.errors import ApiError
from tokend.core.secrets import Secret

NOTHING: Final[Mapping[str, object]] = {}


class AppCredentials(Struct, frozen=True):
    """The App ID and certificates of an app. `certificates` maps a name (primary, secondary) to each valid certificate.

    `signing` names the certificate that signs tokens. A backend may use the primary one for tokens of REST calls.
    """

    app_id: str | None
    certificates: Mapping[str, Secret]
    signing: str = "primary"


class Issuance(Struct, frozen=True):
    """Issue time and nonce of a token. `issued_at` is in Unix seconds; all tokens of a request share it.

    `nonce` is a random number of 128 bits (0 to 2**128 - 1), a new one for each token. A format with less room reduces it.
    """

    issued_at: int
    nonce: int


class TokenRequest(Struct, frozen=True):
    """Untrusted input. `fields` are those of the kind; `ttl` is in seconds, or None if the request has none.

    `names` maps a field to its name in the dialect (`{"ttl": "expiry"}`), so that errors use the client's names. It has
    `kind` only if the client sends the kind.
    `app_id` is the App ID that the client sent, in dialects that have one.
    """

    kind: str
    fields: Mapping[str, object]
    ttl: int | None = None
    names: Mapping[str, str] = {}
    app_id: str | None = None


class Restriction(Struct, frozen=True):
    """Limits that a signed URL or an authorizer adds to a caller's rules. None adds no limit.

    In `channel` and `user`, `*` matches one or more characters. `max_ttl` is in seconds. `source` names the origin
    of the restriction for explain and the log: the id of a URL, or the authorizer.
    """

    source: str
    kinds: frozenset[str] | None = None
    channel: str | None = None
    user: str | None = None
    roles: frozenset[str] | None = None
    max_ttl: int | None = None


class Caller(Struct, frozen=True):
    """Who sends the request, as authenticated: the name of the caller in the app, and its verified claims.

    A grant must fit a rule and each of `restrictions`. `url` is the id of the signed URL that the request used.
    """

    name: str
    claims: Mapping[str, object] = NOTHING
    restrictions: tuple[Restriction, ...] = ()
    url: str | None = None


class Extent(Enum):
    """What stands in place of an id: the service is for any, or has none."""

    ANY = "any"
    NOT_APPLICABLE = "not applicable"


ANY: Final = Extent.ANY
NOT_APPLICABLE: Final = Extent.NOT_APPLICABLE
ANY_TEXT: Final = "*"
"""How answers, the audit and rules write ANY."""


class Service(Struct, frozen=True):
    """One service of a token. `user` and `channel` are ids as encoded in the token, ANY, or NOT_APPLICABLE.

    `privileges` maps a name to seconds from the issue time; its backend declares what each means. `more_users` and
    `more_channels` are further ids that the service reaches. `derived_from`: the user from whom `user` is derived; rules
    judge that one. `detail` holds all other content, as plain data.
    """

    name: str
    user: str | Extent = NOT_APPLICABLE
    channel: str | Extent = NOT_APPLICABLE
    privileges: Mapping[str, int] = {}
    more_users: tuple[str, ...] = ()
    more_channels: tuple[str, ...] = ()
    derived_from: str | None = None
    detail: Mapping[str, object] = NOTHING


class Grant(Struct, frozen=True):
    """What a token gives: app id, format, ttl in seconds, and services. It never contains a secret."""

    app_id: str | None
    format: str
    ttl: int
    services: tuple[Service, ...]


class Issued(Struct, frozen=True):
    """A released token. Times are in Unix seconds. `rule` names the rule that allowed it.

    `expires_at` and `renew_at` are None if the token is bound to a connection. `role` is None if it gives none.
    `filled` holds fields that the rule supplied. `clamped_from` is the requested ttl in seconds, if it was shortened.
    `extra` is what the backend adds to the native answer. `restricted_by` names the sources of restrictions.
    """

    token_request: TokenRequest
    grant: Grant
    token: str
    issued_at: int
    expires_at: int | None
    renew_at: int | None
    rule: str
    filled: Mapping[str, object]
    clamped_from: int | None
    extra: Mapping[str, object]
    restricted_by: tuple[str, ...] = ()
    role: str | None = None


class Decision(Struct, frozen=True):
    """One entry of the audit log, without the token. `api_error` is None if the token is about to be released.

    `caller` and `token_request` are None if authentication failed; the latter also if the app has no such kind.
    `grant`: what the token gives, or would have given; None if that is not known. `url` is the id of the signed URL
    of the request. `restricted_by` names the sources of the restrictions of a token. `expires`: whether the token ends by
    itself; one that is bound to a connection does not.
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
    expires: bool = True
