"""The form of users and channels, for vendors that state little of it."""

import re

from tokend.core.errors import ApiError, Code


def printable_id(field: str, text: str | None, longest: int) -> str:
    """The text, if it has 1 to `longest` characters, all printable, and no `*`. Raises `ApiError` (400) for any other or none.

    `field` is the name of the field. A user may come from a rule, and such a user never went through `Fields`.
    """
    text = _present(field, text)
    if not 1 <= len(text) <= longest or "*" in text or not text.isprintable():
        raise ApiError(Code.INVALID_FIELD, f"must be 1 to {longest} printable characters other than *", field)
    return text


def matching_id(field: str, text: str | None, form: re.Pattern[str], words: str) -> str:
    """The text, if it has a form. Raises `ApiError` (400) for any other or none. `words` describe the form after "must be"."""
    text = _present(field, text)
    if form.fullmatch(text) is None:
        raise ApiError(Code.INVALID_FIELD, f"must be {words}", field)
    return text


def _present(field: str, text: str | None) -> str:
    if text is None:
        raise ApiError(Code.INVALID_FIELD, "is missing", field)
    return text
