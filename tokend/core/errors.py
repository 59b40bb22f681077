"""Errors of the API: a closed list of codes, the HTTP status of each code, and the exception that carries one."""

from collections.abc import Mapping
from enum import StrEnum
from math import ceil
from typing import Final

from tokend.core.validation import redact_secrets


class Code(StrEnum):
    """The reasons for which a request fails, for programs to read. `STATUS` maps each to its HTTP status."""

    MALFORMED = "malformed"
    UNKNOWN_FIELD = "unknown_field"
    INVALID_FIELD = "invalid_field"
    TTL_OUT_OF_RANGE = "ttl_out_of_range"
    CREDENTIAL_AMBIGUOUS = "credential_ambiguous"
    UNAUTHENTICATED = "unauthenticated"
    CREDENTIAL_INVALID = "credential_invalid"
    NOT_PERMITTED = "not_permitted"
    CAPABILITY_REQUIRED = "capability_required"
    WRONG_APP = "wrong_app"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    URL_TOO_LONG = "url_too_long"
    HEADERS_TOO_LARGE = "headers_too_large"
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
    Code.CAPABILITY_REQUIRED: 403,
    Code.WRONG_APP: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.TOO_LARGE: 413,
    Code.URL_TOO_LONG: 414,
    Code.HEADERS_TOO_LARGE: 431,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.RATE_LIMITED: 429,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}

MEANINGS: Final[Mapping[Code, str]] = {
    Code.MALFORMED: "The path, query, headers or body cannot be read.",
    Code.UNKNOWN_FIELD: "The request has a field that this API does not have.",
    Code.INVALID_FIELD: "A field is missing, or its value is not valid.",
    Code.TTL_OUT_OF_RANGE: "The lifetime is outside the bounds of the route or kind. "
    "If it is only longer than the rules allow, the code is not_permitted.",
    Code.CREDENTIAL_AMBIGUOUS: "The request has two credentials; send one.",
    Code.UNAUTHENTICATED: "The request has no credential, and this route needs one.",
    Code.CREDENTIAL_INVALID: "The credential is unknown, has expired or is not signed as required.",
    Code.NOT_PERMITTED: "No rule of this caller allows what the token would give, or the deny list or the authorizer refuses it.",
    Code.CAPABILITY_REQUIRED: "A rule of this caller would allow this if it named a capability.",
    Code.WRONG_APP: "The request names another app than that of the route.",
    Code.NOT_FOUND: "Nothing is served at this path.",
    Code.METHOD_NOT_ALLOWED: "The path exists, but not for this method; the header Allow names the others.",
    Code.TOO_LARGE: "The body is longer than this endpoint reads.",
    Code.URL_TOO_LONG: "The URL is longer than the server reads.",
    Code.HEADERS_TOO_LARGE: "The headers are longer than the server reads.",
    Code.UNSUPPORTED_MEDIA_TYPE: "The body is in a format that this endpoint does not read.",
    Code.RATE_LIMITED: "Too many requests; the header Retry-After gives the seconds to wait.",
    Code.UNAVAILABLE: "The app, or something that it needs, is unavailable for now; try again later.",
    Code.INTERNAL: "The server failed; its log has the reason under the id of the request.",
}
"""What each code means, in a sentence for the people who write clients."""


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
        # the client chose the name of an unknown field: it may be a secret sent in the wrong place
        self.field = redact_secrets(field) if field and code == Code.UNKNOWN_FIELD else field
        self.operator = operator
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return STATUS[self.code]

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


def whole_seconds(retry_after: float) -> int:
    """Round up to at least 1, for the header `Retry-After` (RFC 9110). A client that waits that long is accepted."""
    return max(1, ceil(retry_after))
