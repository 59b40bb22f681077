"""Functions that dialects use to read input: JSON objects, forms, queries, integers in text.

They raise `ApiError` (400) for invalid input, and name the field.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec.structs import replace

from tokend.core import strict_json
from tokend.core.errors import ApiError, Code
from tokend.core.validation import suggestion
from tokend.dialects.contract import FORM, JSON, Description, HttpRequest

MAX_FIELDS: Final = 50
"""The most fields of a form or a query."""
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_FRACTION: Final = re.compile(rf"{_WHOLE.pattern}\.[0-9]{{1,18}}", re.ASCII)


def json_object(request: HttpRequest, *, any_type: bool = False) -> dict[str, Any]:
    """Return the body, a JSON object. A missing content type counts as JSON; any other raises `ApiError` (415).

    `any_type`: the content type does not count, as on servers that decode every body as JSON.
    """
    if not any_type and media_type(request) != JSON:
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, f"send the body as {JSON}")
    try:
        value = strict_json.loads(request.body)
    except ValueError as error:
        raise ApiError(Code.MALFORMED, _json_sentence(request.body, error)) from error
    if not isinstance(value, dict):
        raise ApiError(Code.MALFORMED, "the body must be a JSON object")
    return value


def described_body(request: HttpRequest, description: Description, *, any_type: bool = False) -> dict[str, Any]:
    """Return the body, a JSON object. Raises `ApiError` for a field that the description does not have.

    `any_type`: as above.
    """
    body = json_object(request, any_type=any_type)
    reject_unknown(body, (description.body or {})["properties"])
    return body


def form(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """Return the fields of a form, in order and with repetitions. Raises `ApiError` (400) if they cannot be read.

    A missing content type counts as a form; any other raises `ApiError` (415).
    """
    if request.content_type is not None and media_type(request) != FORM:
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, f"send the body as {FORM}")
    return url_encoded(request.body, "form")


def url_encoded(text: str | bytes, what: str) -> tuple[tuple[str, str], ...]:
    """Return the fields of a form or a query. `what` it is, for the `ApiError` (400)."""
    try:
        decoded = text if isinstance(text, str) else text.decode()
        return tuple(parse_qsl(decoded, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
    except UnicodeDecodeError as error:
        raise ApiError(Code.MALFORMED, f"the {what} is not UTF-8") from error
    except ValueError as error:
        raise ApiError(Code.MALFORMED, f"the {what} has over {MAX_FIELDS} fields") from error


def without_repetition(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the fields of a query or form by name. Raises `ApiError` (400) if a name occurs more than once."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise ApiError(Code.MALFORMED, "is given twice in the request", name)
        found[name] = value
    return found


def media_type(request: HttpRequest) -> str:
    """Return the content type without parameters. A missing one counts as JSON."""
    return (request.content_type or JSON).partition(";")[0].strip().lower()


def _json_sentence(body: bytes, error: Exception) -> str:
    if isinstance(error, strict_json.DuplicateKeyError):
        return "a key is given twice in one object of the body"
    if not body.strip():
        return "the body is empty: send a JSON object"
    return "the body is not valid JSON (one object, in UTF-8)"


def reject_unknown(fields: Mapping[str, object], known: Collection[str]) -> None:
    """Raise `ApiError` for a field that the API does not have."""
    for name in fields:
        if name not in known:
            raise ApiError(Code.UNKNOWN_FIELD, f"is not a field of this request{suggestion(name, known)}", name)


def text(fields: Mapping[str, object], name: str) -> str | None:
    """Return a text, or None if the field is missing."""
    if name not in fields:
        return None
    value = fields[name]
    if not isinstance(value, str):
        raise ApiError(Code.INVALID_FIELD, "must be text", name)
    return value


def text_or_number(fields: Mapping[str, object], name: str) -> str | None:
    """Return the text of a field that may be a whole number, or None if the field is missing."""
    value = fields.get(name)
    return str(value) if type(value) is int else text(fields, name)


def seconds(fields: Mapping[str, object], name: str) -> int | None:
    """Return a number of seconds, or None if the field is missing. Only a JSON integer is valid."""
    return integer(fields, name, "a whole number of seconds") if name in fields else None


def integer(fields: Mapping[str, object], name: str, what: str = "a whole number") -> int:
    """Return a required integer. `what` it must be, for the error."""
    value = fields.get(name)
    if type(value) is not int:
        raise ApiError(Code.INVALID_FIELD, f"must be {what}" if name in fields else "is missing", name)
    return value


def boolean(fields: Mapping[str, object], name: str) -> bool:
    """Return true or false. A missing field is false."""
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ApiError(Code.INVALID_FIELD, "must be true or false", name)
    return value


def required(value: str | None, name: str) -> str:
    """Return a required text, which must not be empty."""
    if not value:
        raise ApiError(Code.INVALID_FIELD, "is missing" if value is None else "must not be empty", name)
    return value


def query_required(request: HttpRequest, name: str) -> str:
    """Return a required query parameter, which must not be empty."""
    return required(query_value(request, name), name)


def query_value(request: HttpRequest, name: str) -> str | None:
    """Return a query parameter, or None if it is missing. Raises `ApiError` if it occurs more than once."""
    values = [value for key, value in request.query if key == name]
    if len(values) > 1:
        raise ApiError(Code.MALFORMED, "is given twice in the request", name)
    return values[0] if values else None


def without_empty(request: HttpRequest, name: str) -> HttpRequest:
    """Return the request without a query parameter whose value is empty, for servers to which that is none."""
    if query_value(request, name) != "":
        return request
    return replace(request, query=tuple(pair for pair in request.query if pair[0] != name))


def query_seconds(request: HttpRequest, name: str) -> int | None:
    """Return a lifetime in seconds from the query, or None. The issuer checks its range."""
    value = query_value(request, name)
    return None if value is None else integer_text(value, name, "a whole number of seconds")


def integer_text(value: str, name: str, what: str = "a whole number") -> int:
    """Return the integer in a text: digits 0 to 9, without plus sign or leading zeros."""
    if _WHOLE.fullmatch(value) is None:
        raise ApiError(Code.INVALID_FIELD, f"must be {what}", name)
    return int(value)


def number_text(value: str, name: str) -> int | float:
    """Return the number in a text: a whole number, or one with a full stop and decimals."""
    if _FRACTION.fullmatch(value) is not None:
        return float(value)
    return integer_text(value, name, "a number, such as 7 or 0.5")
