"""The nouns that every room shares: refusals, secrets, asks, callers, services, grants, stamps and what is issued.

Plain data. Nothing here knows a vendor, a web server, a clock or a file.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import ceil
from typing import Any, Final, NoReturn

from msgspec import Struct
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from tokend.validation import invalid, shown

PLATFORM_MAX_TTL: Final = 86_400
"""Seconds: no token lives longer, whatever it says."""

NOTHING: Final[Mapping[str, object]] = {}


class Code(StrEnum):
    """The closed list of reasons for a refusal, for programs to read. `STATUS` gives the HTTP status of each."""

    MALFORMED = "malformed"
    UNKNOWN_FIELD = "unknown_field"
    INVALID_FIELD = "invalid_field"
    TTL_OUT_OF_RANGE = "ttl_out_of_range"
    CREDENTIAL_AMBIGUOUS = "credential_ambiguous"
    UNAUTHENTICATED = "unauthenticated"
    CREDENTIAL_INVALID = "credential_invalid"
    NOT_PERMITTED = "not_permitted"
    POWER_REQUIRED = "power_required"
    WRONG_APP = "wrong_app"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


STATUS: Final[Mapping[Code, int]] = {
    Code.MALFORMED: 400,
    Code.UNKNOWN_FIELD: 400,
    Code.INVALID_FIELD: 400,
    Code.TTL_OUT_OF_RANGE: 400,
    Code.CREDENTIAL_AMBIGUOUS: 400,
    Code.UNAUTHENTICATED: 401,
    Code.CREDENTIAL_INVALID: 401,
    Code.NOT_PERMITTED: 403,
    Code.POWER_REQUIRED: 403,
    Code.WRONG_APP: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.RATE_LIMITED: 429,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}


class Refusal(Exception):
    """Why a token is not issued: a closed code, a sentence for people, and the field at fault, if it is one's.

    Where there is a field the sentence goes on from its name ("must be text"). `operator` is for the log alone.
    `retry_after`: seconds after which the same request would be admitted, where a rate limit refused it.
    """

    def __init__(
        self,
        code: Code,
        sentence: str,
        field: str | None = None,
        operator: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        # an unknown field's name is the client's own word, and perhaps a secret in the wrong place
        self.field = shown(field) if field and code == Code.UNKNOWN_FIELD else field
        self.operator = operator
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return STATUS[self.code]

    @property
    def detail(self) -> str:
        """The whole sentence, field included."""
        return f"{self.field} {self.sentence}" if self.field else self.sentence

    def renamed(self, names: Mapping[str, str]) -> "Refusal":
        """The same with the field's name in the client's own contract."""
        if self.field is None or self.field not in names:
            return self
        return Refusal(self.code, self.sentence, names[self.field], self.operator, self.retry_after)


def whole_seconds(retry_after: float) -> int:
    """Rounded up, at least 1: what `Retry-After` takes. Who waits that long is admitted."""
    return max(1, ceil(retry_after))


class Secret:
    """A sealed text: it never prints, compares, hashes or pickles. `reveal()` is the one way out, easy to grep for.

    In pydantic models (a backend's Options) it is written `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`; the
    configuration passes a `secrets` resolver in the validation context that turns such a reference into a Secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(sealed)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def take(value: object, info: ValidationInfo) -> Secret:
            if isinstance(value, Secret):
                return value
            resolver = (info.context or {}).get("secrets")
            if resolver is None or not isinstance(value, dict):
                raise invalid(
                    "is a secret: write {env: NAME}, {file: PATH} or {credential: NAME}, never the text itself"
                )
            secret: Secret = resolver(value)
            return secret

        return core_schema.with_info_plain_validator_function(take)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        one_of = [
            {
                "type": "object",
                "properties": {name: {"type": "string"}},
                "required": [name],
                "additionalProperties": False,
            }
            for name in ("env", "file", "credential")
        ]
        return {"title": "Secret", "oneOf": one_of}


class Credentials(Struct, frozen=True):
    """What an app signs with. `certificates` maps a name (primary, secondary) to each that verifies.

    `signing` names the one that signs tokens; the vendor's REST calls are always signed by the primary.
    """

    app_id: str | None
    certificates: Mapping[str, Secret]
    signing: str = "primary"


class Stamp(Struct, frozen=True):
    """Made at the door, once a token: `issued_at` in Unix seconds (one a request), `salt` in 1..99999999."""

    issued_at: int
    salt: int


class Ask(Struct, frozen=True):
    """Untrusted: what a caller wants. `fields` are those of the kind; `ttl` in seconds, None where not said.

    `names` says what the dialect calls a field (`{"ttl": "expiry"}`), for refusals to name what the client sent.
    `app_id`: the App ID that the client believes it asks, where its contract sends one.
    """

    kind: str
    fields: Mapping[str, object]
    ttl: int | None = None
    names: Mapping[str, str] = {}
    app_id: str | None = None


class Narrowing(Struct, frozen=True):
    """What a signed URL or an authorizer leaves of what a caller's rules permit. None leaves that part as it is.

    `channel` and `user` are texts in which `*` stands for one or more characters; `max_ttl` in seconds. `source` names
    who narrows, for explain and the log: a URL's id, or the authorizer.
    """

    source: str
    kinds: frozenset[str] | None = None
    channel: str | None = None
    user: str | None = None
    roles: frozenset[str] | None = None
    max_ttl: int | None = None


class Caller(Struct, frozen=True):
    """Who asks, as an auth scheme established it: the caller's name in the app and its verified claims.

    Each of `narrowings` holds besides whatever rule permits. `url`: the id of the signed URL that was presented.
    """

    name: str
    claims: Mapping[str, object] = NOTHING
    narrowings: tuple[Narrowing, ...] = ()
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
    `extra` is what the backend adds to the native answer; `narrowed_by` names what narrowed the caller.
    """

    ask: Ask
    grant: Grant
    token: str
    issued_at: int
    expires_at: int
    renew_at: int
    rule: str
    filled: Mapping[str, object]
    clamped_from: int | None
    extra: Mapping[str, object]
    narrowed_by: tuple[str, ...] = ()


Outcome = Issued | Refusal


class Decision(Struct, frozen=True):
    """One entry of the audit: everything but the token. `refusal` is None for a token that is about to be released.

    `caller` and `ask` are None where the credential was refused. `url`: the id of the signed URL that the caller came by;
    `narrowed_by`: the sources of the caller's narrowings.
    """

    app: str
    caller: str | None
    ask: Ask | None
    grant: Grant | None
    rule: str | None
    token_sha256: str | None
    issued_at: int
    refusal: Refusal | None
    request_id: str = ""
    url: str | None = None
    narrowed_by: tuple[str, ...] = ()
