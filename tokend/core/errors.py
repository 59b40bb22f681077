"""Why no token is issued: a closed list of codes, their HTTP statuses, and the error that carries one."""

from collections.abc import Mapping
from enum import StrEnum
from math import ceil
from typing import Final

from tokend.core.validation import redact_secrets


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
    CAPABILITY_REQUIRED = "capability_required"
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
    Code.CAPABILITY_REQUIRED: 403,
    Code.WRONG_APP: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.RATE_LIMITED: 429,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}


class ApiError(Exception):
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
        self.field = redact_secrets(field) if field and code == Code.UNKNOWN_FIELD else field
        self.operator = operator
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return STATUS[self.code]

    @property
    def detail(self) -> str:
        """The whole sentence, field included."""
        return f"{self.field} {self.sentence}" if self.field else self.sentence

    def renamed(self, names: Mapping[str, str]) -> "ApiError":
        """The same with the field's name in the client's own contract."""
        if self.field is None or self.field not in names:
            return self
        return ApiError(self.code, self.sentence, names[self.field], self.operator, self.retry_after)


def whole_seconds(retry_after: float) -> int:
    """Rounded up, at least 1: what `Retry-After` takes. Who waits that long is admitted."""
    return max(1, ceil(retry_after))
