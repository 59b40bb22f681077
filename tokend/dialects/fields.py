"""Reading what clients send: strict JSON objects, whole numbers in text, role words. Bad input is a `Refusal` (400)."""

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
    """The body as one JSON object. No content type is read as JSON; another one is 415."""
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
    """The content type without its parameters; none is read as JSON."""
    return (request.content_type or JSON).partition(";")[0].strip().lower()


def _json_sentence(body: bytes, error: Exception) -> str:
    if isinstance(error, strict_json.DuplicateKeyError):
        return "a key stands twice in one object of the body"
    if not body.strip():
        return "the body is empty: a JSON object is wanted"
    return "the body is not valid JSON (one object, in UTF-8)"


def known_only(fields: Mapping[str, object], known: Sequence[str]) -> None:
    """`Refusal` for a field that the contract does not have."""
    for name in fields:
        if name not in known:
            raise ApiError(Code.UNKNOWN_FIELD, f"is not a field of this request{suggestion(name, known)}", name)


def text(fields: Mapping[str, object], name: str) -> str | None:
    """A text field, None if it is left out."""
    value = fields.get(name)
    if value is None and name not in fields:
        return None
    if not isinstance(value, str):
        raise ApiError(Code.INVALID_FIELD, "must be text", name)
    return value


def whole(fields: Mapping[str, object], name: str) -> int | None:
    """A field with a whole number (JSON, so no text and no true), None if it is left out."""
    if name not in fields:
        return None
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError(Code.INVALID_FIELD, "must be a whole number of seconds", name)
    return value


def number(fields: Mapping[str, object], name: str) -> int:
    """A whole number that has to be there."""
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError(Code.INVALID_FIELD, "must be a whole number" if name in fields else "is missing", name)
    return value


def uid_number(fields: Mapping[str, object], name: str, signed: bool) -> int:
    """A uid that is sent as a JSON number, and has to be there."""
    return uid(str(number(fields, name)), name, signed)


def flag(fields: Mapping[str, object], name: str) -> bool:
    """true or false; left out is false."""
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ApiError(Code.INVALID_FIELD, "must be true or false", name)
    return value


def numbered_role(fields: Mapping[str, object], name: str) -> str:
    """1 is a publisher, 2 a subscriber; left out means publisher, as in every contract without a role."""
    value = fields.get(name, 1)
    if type(value) is not int or value not in (1, 2):
        raise ApiError(Code.INVALID_FIELD, "must be 1 (publisher) or 2 (subscriber)", name)
    return "publisher" if value == 1 else "subscriber"


def required(value: str | None, name: str) -> str:
    """A text that has to be there and not be empty."""
    if not value:
        raise ApiError(Code.INVALID_FIELD, "is missing" if value is None else "must not be empty", name)
    return value


def query_required(request: HttpRequest, name: str) -> str:
    """The same for a query parameter."""
    return required(query_value(request, name), name)


def query_value(request: HttpRequest, name: str) -> str | None:
    """The value of a query parameter, None if it is left out; `Refusal` if it stands twice."""
    values = [value for key, value in request.query if key == name]
    if len(values) > 1:
        raise ApiError(Code.MALFORMED, "stands twice in the request", name)
    return values[0] if values else None


def query_seconds(request: HttpRequest, name: str) -> int | None:
    """A lifetime in the query, None if it is left out. Its range is the issuer's to judge."""
    value = query_value(request, name)
    return None if value is None else whole_text(value, name, "a whole number of seconds")


def whole_text(value: str, name: str, what: str = "a whole number") -> int:
    """A whole number in text, without a plus sign, leading zeros or other digits than 0 to 9."""
    if _WHOLE.fullmatch(value) is None:
        raise ApiError(Code.INVALID_FIELD, f"must be {what}", name)
    return int(value)


def role(word: str, field: str = "role") -> str:
    """publisher or subscriber for the words that the field's clients use; anything else is refused, never guessed."""
    if word not in ROLES:
        raise ApiError(Code.INVALID_FIELD, f"must be one of {', '.join(ROLES)}", field)
    return ROLES[word]


def looks_numeric(value: str) -> bool:
    """Digits with or without a sign: meant as a number, whether or not it is a valid uid."""
    return _DIGITS.fullmatch(value) is not None


def uid(value: str, field: str, signed: bool) -> int:
    """A uid in decimal text: 0 to 2^32-1; where `signed`, also -2^31 to -1, which gets 2^32 added (F4)."""
    if _UNSIGNED_UID.fullmatch(value) and int(value) < 1 << 32:
        return int(value)
    if signed and _NEGATIVE_UID.fullmatch(value) and int(value) >= -(1 << 31):
        return int(value) + (1 << 32)
    raise ApiError(Code.INVALID_FIELD, "must be a uid: digits without sign or leading zero, 0 to 4294967295", field)
