"""The form of users and channels, for vendors that state little of it."""

from tokend.core.errors import ApiError, Code


def printable_id(field: str, text: str | None, longest: int) -> str:
    """The text, if it has 1 to `longest` characters, all printable, and no `*`. Raises `ApiError` (400) for any other or none.

    `field` is the name of the field. A user may come from a rule, and such a user never went through `Fields`.
    """
    if text is None:
        raise ApiError(Code.INVALID_FIELD, "is missing", field)
    if not 1 <= len(text) <= longest or "*" in text or not text.isprintable():
        raise ApiError(Code.INVALID_FIELD, f"must be 1 to {longest} printable characters other than *", field)
    return text
