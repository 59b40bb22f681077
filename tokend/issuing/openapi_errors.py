"""The answers with an error in the OpenAPI document: every status, with an example of each code as the dialect writes it."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec.json

from tokend.core.errors import ApiError, Code
from tokend.dialects import native
from tokend.dialects.contract import TEXT, HttpResponse

RenderError = Callable[[ApiError, str], HttpResponse]
ERROR_CODES: Final[Mapping[str, Any]] = {
    "type": "string",
    "enum": sorted(Code),
    "description": "\n".join(
        ["The reason, for programs to read:", "", *(f"- `{code}` ({code.status}): {code.meaning}" for code in Code)]
    ),
    "examples": [Code.INVALID_FIELD],
}
"""The schema of the codes. Errors of every dialect refer to it."""
_FAILURES: Final[Mapping[int, str]] = {
    400: "The request is invalid",
    401: "The credential is missing or invalid",
    403: "No rule allows it",
    404: "Nothing is served at this path",
    408: "The body did not arrive in time",
    413: "The body is too large",
    414: "The URL is too long",
    415: "The body is in another format",
    429: "Over a rate limit; Retry-After says for how long",
    431: "The headers are too large",
    500: "An error of the server",
    503: "The app, or something that it needs, is unavailable",
}
_OF_BODIES: Final = (Code.REQUEST_TIMEOUT.status, Code.TOO_LARGE.status, Code.UNSUPPORTED_MEDIA_TYPE.status)
_BEFORE_ROUTING: Final = (Code.URL_TOO_LONG.status, Code.HEADERS_TOO_LARGE.status)
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}}
_REQUEST_ID: Final = "5a1f0c9e3b7d2846"
_SENTENCES: Final[Mapping[Code, str]] = {
    Code.MALFORMED: "the path is not valid UTF-8",
    Code.UNKNOWN_FIELD: "is not a field of this request",
    Code.INVALID_FIELD: "must not be empty",
    Code.TTL_OUT_OF_RANGE: "must be 60 to 86400 seconds",
    Code.UNAUTHENTICATED: "authentication required: send X-API-Key or Authorization: Bearer",
    Code.CREDENTIAL_INVALID: "unknown or invalid credential",
    Code.NOT_FOUND: "there is nothing at this path",
}
"""What the server says of an error, where its words differ from the meaning of the code."""


def failures(
    dialect: str, render_error: RenderError, *, in_body: bool, in_path: bool, field: str = "ttl"
) -> dict[str, Any]:
    """The answers with an error by status. `dialect`: whose schema they have, if they are no text.

    `in_body`, `in_path`: whether the endpoint has parameters there. `field`: one of its parameters, for the examples.
    """
    found: dict[str, Any] = {}
    for status, description in _FAILURES.items():
        if (not in_body and status in _OF_BODIES) or (not in_path and status == Code.NOT_FOUND.status):
            continue
        contents = [] if status in _BEFORE_ROUTING else [_content(status, dialect, render_error, field)]
        # a path that cannot be read belongs to no dialect, so the error has the shape of native
        if status in _BEFORE_ROUTING or (in_path and status == Code.MALFORMED.status):
            contents.insert(0, _content(status, native.NAME, native.render_error, field))
        content = {media: of_media for part in contents for media, of_media in part.items()}
        headers = {"headers": _RETRY_AFTER} if status == Code.RATE_LIMITED.status else {}
        found[str(status)] = {"description": description, **headers, "content": content}
    return found


@cache
def _content(status: int, dialect: str, render_error: RenderError, field: str) -> dict[str, Any]:
    """The content of an error: its schema, and an example of each code that has this status."""
    examples = {}
    content_type = TEXT
    for code in Code:
        if code.status == status:
            response = render_error(_error(code, field), _REQUEST_ID)
            content_type = response.content_type
            value = response.body.decode() if content_type == TEXT else msgspec.json.decode(response.body)
            examples[str(code)] = {"summary": f"{code}: {code.meaning}", "value": value}
    schema = {"type": "string"} if content_type == TEXT else {"$ref": f"#/components/schemas/{dialect}_error"}
    return {content_type: {"schema": schema, "examples": examples}}


def _error(code: Code, field: str) -> ApiError:
    sentence = _SENTENCES.get(code, code.meaning.rstrip("."))
    fields = {Code.UNKNOWN_FIELD: "colour", Code.INVALID_FIELD: field, Code.TTL_OUT_OF_RANGE: "ttl"}
    return ApiError(code, sentence, fields.get(code), retry_after=3 if code is Code.RATE_LIMITED else None)
