"""Errors of the API: a closed list of codes, and the exception that carries one."""

from collections.abc import Mapping
from enum import StrEnum
from math import ceil
from typing import Self

from tokend.core.validation import redact_secrets


class Code(StrEnum):
    """The reasons for which a request fails, for programs to read.

    Each has its HTTP status, and its meaning in a sentence for the people who write clients.
    """

    status: int
    meaning: str

    def __new__(cls, text: str, status: int, meaning: str) -> Self:
        code = str.__new__(cls, text)
        code._value_ = text
        code.status = status
        code.meaning = meaning
        return code

    MALFORMED = "malformed", 400, "The path, query, headers or body cannot be read."
    UNKNOWN_FIELD = "unknown_field", 400, "The request has a field that this API does not have."
    INVALID_FIELD = "invalid_field", 400, "A field is missing, or its value is not valid."
    TTL_OUT_OF_RANGE = (
        "ttl_out_of_range",
        400,
        "The lifetime is outside the bounds of the route or kind. "
        "If it is only longer than the rules allow, the code is not_permitted.",
    )
    CREDENTIAL_AMBIGUOUS = "credential_ambiguous", 400, "The request has two credentials; send one."
    UNAUTHENTICATED = "unauthenticated", 401, "The request has no credential, and this route needs one."
    CREDENTIAL_INVALID = (
        "credential_invalid",
        401,
        "The credential is unknown, has expired or is not signed as required.",
    )
    NOT_PERMITTED = (
        "not_permitted",
        403,
        "No rule of this caller allows what the token would give, or the deny list or the authorizer refuses it.",
    )
    CAPABILITY_REQUIRED = (
        "capability_required",
        403,
        "A rule of this caller would allow this if it named a capability.",
    )
    WRONG_APP = "wrong_app", 403, "The request names another app than that of the route."
    NOT_FOUND = "not_found", 404, "Nothing is served at this path."
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        405,
        "The path exists, but not for this method; the header Allow names the others.",
    )
    REQUEST_TIMEOUT = "request_timeout", 408, "The body did not arrive in time; send the request again."
    TOO_LARGE = "too_large", 413, "The body is longer than this endpoint reads."
    URL_TOO_LONG = "url_too_long", 414, "The URL is longer than the server reads."
    HEADERS_TOO_LARGE = "headers_too_large", 431, "The headers are longer than the server reads."
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "The body is in a format that this endpoint does not read."
    RATE_LIMITED = "rate_limited", 429, "Too many requests; the header Retry-After gives the seconds to wait."
    UNAVAILABLE = (
        "unavailable",
        503,
        "The app, or something that it needs, is unavailable for now; try again later.",
    )
    INTERNAL = "internal", 500, "The server failed; its log has the reason under the id of the request."


class ApiError(Exception):
    """A request failed: a code, a sentence for people, and the field that caused it, if there is one.

    If `field` is set, the sentence continues its name ("must be text"). `operator` is written to the log only.
    `retry_after` is set for rate limits: the seconds after which the same request would be accepted.
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
        # the client chose the name of an unknown field, or a key of a mapping: it may be a secret sent in the wrong place
        if field and code == Code.UNKNOWN_FIELD:
            field = redact_secrets(field)
        elif field and "." in field:
            first, dot, below = field.partition(".")
            field = f"{first}{dot}{redact_secrets(below)}"
        self.field = field
        self.operator = operator
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return self.code.status

    @property
    def detail(self) -> str:
        """The whole sentence, with the name of the field."""
        return f"{self.field} {self.sentence}" if self.field else self.sentence

    def renamed(self, names: Mapping[str, str]) -> "ApiError":
        """Return the same error with the name that the client uses for the field."""
        if self.field is None:
            return self
        first, dot, below = self.field.partition(".")
        if self.field in names:
            name = names[self.field]
        elif first in names:
            name = f"{names[first]}{dot}{below}"
        else:
            return self
        return ApiError(self.code, self.sentence, name, self.operator, self.retry_after)

    def of_kind(self, kind: str) -> "ApiError":
        """Return the same error with a sentence that names the kind of token, where one request asks for several."""
        return ApiError(self.code, f"{self.sentence} (kind {kind})", self.field, self.operator, self.retry_after)


def whole_seconds(retry_after: float) -> int:
    """Round up to at least 1, for the header `Retry-After` (RFC 9110). A client that waits that long is accepted."""
    return max(1, ceil(retry_after))
