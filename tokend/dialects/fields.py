"""Functions that dialects use to read input: JSON objects, integers in text, roles, uids.

They raise `ApiError` (400) for invalid input, and name the field.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tokend.core import strict_json
from tokend.core.errors import ApiError, Code
from tokend.core.validation import suggestion
from tokend.dialects.contract import JSON, HttpRequest

ROLES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("publisher", "host", "broadcaster", "1"), "publisher"),
    **dict.fromkeys(("subscriber", "audience", "2"), "subscriber"),
}
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_DIGITS: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_UNSIGNED_UID: Final = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_NEGATIVE_UID: Final = re.compile(r"-[1-9][0-9]{0,9}", re.ASCII)


def json_object(request: HttpRequest) -> dict[str, Any]:
    """Return the body, a JSON object. A missing content type counts as JSON; any other raises `ApiError` (415)."""
    if media_type(request) != JSON:
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, f"send the body as {JSON}")
    try:
        value = strict_json.loads(request.body)
    except ValueError as error:
        raise ApiError(Code.MALFORMED, _json_sentence(request.body, error)) from error
    if not isinstance(value, dict):
        raise ApiError(Code.MALFORMED, "the body must be a JSON object")
    return value


def media_type(request: HttpRequest) -> str:
    """Return the content type without parameters. A missing one counts as JSON."""
    return (request.content_type or JSON).partition(";")[0].strip().lower()


def _json_sentence(body: bytes, error: Exception) -> str:
    if isinstance(error, strict_json.DuplicateKeyError):
        return "a key stands twice in one object of the body"
    if not body.strip():
        return "the body is empty: a JSON object is wanted"
    return "the body is not valid JSON (one object, in UTF-8)"


def reject_unknown(fields: Mapping[str, object], known: Sequence[str]) -> None:
    """Raise `ApiError` for a field that the API does not have."""
    for name in fields:
        if name not in known:
            raise ApiError(Code.UNKNOWN_FIELD, f"is not a field of this request{suggestion(name, known)}", name)


def text(fields: Mapping[str, object], name: str) -> str | None:
    """Return a text, or None if the field is missing."""
    value = fields.get(name)
    if value is None and name not in fields:
        return None
    if not isinstance(value, str):
        raise ApiError(Code.INVALID_FIELD, "must be text", name)
    return value


def seconds(fields: Mapping[str, object], name: str) -> int | None:
    """Return a number of seconds, or None if the field is missing. Only a JSON integer is valid."""
    if name not in fields:
        return None
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError(Code.INVALID_FIELD, "must be a whole number of seconds", name)
    return value


def integer(fields: Mapping[str, object], name: str) -> int:
    """Return a required integer."""
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError(Code.INVALID_FIELD, "must be a whole number" if name in fields else "is missing", name)
    return value


def uid_number(fields: Mapping[str, object], name: str, signed: bool) -> int:
    """Return a required uid that is a JSON integer."""
    return uid(str(integer(fields, name)), name, signed)


def boolean(fields: Mapping[str, object], name: str) -> bool:
    """Return true or false. A missing field is false."""
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ApiError(Code.INVALID_FIELD, "must be true or false", name)
    return value


def role_number(fields: Mapping[str, object], name: str) -> str:
    """Return the name of a role number: 1 is publisher, 2 is subscriber. A missing field is publisher."""
    value = fields.get(name, 1)
    if type(value) is not int or value not in (1, 2):
        raise ApiError(Code.INVALID_FIELD, "must be 1 (publisher) or 2 (subscriber)", name)
    return "publisher" if value == 1 else "subscriber"


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
        raise ApiError(Code.MALFORMED, "stands twice in the request", name)
    return values[0] if values else None


def query_seconds(request: HttpRequest, name: str) -> int | None:
    """Return a lifetime in seconds from the query, or None. The issuer checks its range."""
    value = query_value(request, name)
    return None if value is None else integer_text(value, name, "a whole number of seconds")


def integer_text(value: str, name: str, what: str = "a whole number") -> int:
    """Return the integer in a text: digits 0 to 9, without plus sign or leading zeros."""
    if _WHOLE.fullmatch(value) is None:
        raise ApiError(Code.INVALID_FIELD, f"must be {what}", name)
    return int(value)


def role(word: str, field: str = "role") -> str:
    """Return publisher or subscriber for any of the names that clients use. Raises `ApiError` for other words."""
    if word not in ROLES:
        raise ApiError(Code.INVALID_FIELD, f"must be one of {', '.join(ROLES)}", field)
    return ROLES[word]


def looks_numeric(value: str) -> bool:
    """Return whether a text is digits with or without a sign. The client means a number then, valid or not."""
    return _DIGITS.fullmatch(value) is not None


def uid(value: str, field: str, signed: bool) -> int:
    """Return the uid of a decimal text, 0 to 2^32-1.

    If `signed`, -2^31 to -1 is valid too and 2^32 is added: Android's SDK shows large uids as negative numbers.
    """
    if _UNSIGNED_UID.fullmatch(value) and int(value) < 1 << 32:
        return int(value)
    if signed and _NEGATIVE_UID.fullmatch(value) and int(value) >= -(1 << 31):
        return int(value) + (1 << 32)
    raise ApiError(Code.INVALID_FIELD, "must be a uid: digits without sign or leading zero, 0 to 4294967295", field)
