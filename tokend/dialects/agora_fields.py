"""What the dialects of Agora's servers have in common: options, roles, uids, and the format of tokens.

The functions raise `ApiError` (400) for invalid input, and name the field.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import Field

from tokend.core.errors import ApiError, Code
from tokend.core.validation import StrictModel
from tokend.dialects.contract import HttpRequest
from tokend.dialects.reading import integer

V006: Final = "006"
V007: Final = "007"
WARNING_006: Final = (
    "issues version 006 tokens, whose signature joins channel and uid without a separator, so (room1, 23) and "
    "(room12, 3) share one. Only with strict_006: true of the backend rtc such names are refused"
)
ROLES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("publisher", "host", "broadcaster", "1"), "publisher"),
    **dict.fromkeys(("subscriber", "audience", "2"), "subscriber"),
}
_DIGITS: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
"""The client means a number, valid or not."""
_UNSIGNED_UID: Final = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_NEGATIVE_UID: Final = re.compile(r"-[1-9][0-9]{0,9}", re.ASCII)


class AgoraOptions(StrictModel):
    """Options of the dialects whose originals issue tokens for RTC and Signaling."""

    token_version: Literal["auto", "006", "007"] = Field(
        default="auto", description="format of rtc and rtm tokens; auto is that of each endpoint's original"
    )
    signed_uid: bool = Field(default=False, description="also take a uid as Android shows it, as a signed number")


def token_version(request: HttpRequest, original: str = V007) -> str:
    """Return the format of rtc and rtm tokens. `original`: that of the original server."""
    version: str = request.options.token_version
    return original if version == "auto" else version


def warnings_about_006(original: str = V007) -> Callable[[Any], Sequence[str]]:
    """Return the `warnings` of a dialect. `original`: the oldest format that its original server issues."""

    def warnings(options: Any) -> Sequence[str]:
        version = original if options.token_version == "auto" else options.token_version
        return (WARNING_006,) if version == V006 else ()

    return warnings


def of_kinds(*names: str) -> Callable[[Any], Mapping[str, Sequence[str]]]:
    """Return the `kinds` of a dialect: these, whatever its options. Its answers have nothing of a backend but the tokens."""
    return lambda options: dict.fromkeys(names, ())


def role(word: str, field: str = "role") -> str:
    """Return publisher or subscriber for any of the names that clients use. Raises `ApiError` for other words."""
    if word not in ROLES:
        raise ApiError(Code.INVALID_FIELD, f"must be one of {', '.join(ROLES)}", field)
    return ROLES[word]


def role_number(fields: Mapping[str, object], missing: int = 1) -> str:
    """Return the name of the number in `role`: 1 is publisher, 2 is subscriber. `missing`: that of a field left out."""
    value = fields.get("role", missing)
    if type(value) is not int or value not in (1, 2):
        raise ApiError(Code.INVALID_FIELD, "must be 1 (publisher) or 2 (subscriber)", "role")
    return "publisher" if value == 1 else "subscriber"


def uid(value: str, field: str, signed: bool) -> int:
    """Return the uid of a decimal text, 0 to 2^32-1.

    If `signed`, -2^31 to -1 is valid too and 2^32 is added: Android's SDK shows large uids as negative numbers.
    """
    if _UNSIGNED_UID.fullmatch(value) and int(value) < 1 << 32:
        return int(value)
    if signed and _NEGATIVE_UID.fullmatch(value) and int(value) >= -(1 << 31):
        return int(value) + (1 << 32)
    digits = "digits without leading zero, -2147483648 to" if signed else "digits without sign or leading zero, 0 to"
    raise ApiError(Code.INVALID_FIELD, f"must be a uid: {digits} 4294967295", field)


def rtc_user(text: str, signed: bool) -> dict[str, object]:
    """Return the user in the field `uid` as a uid if the text is digits, with or without a sign, else as an account."""
    return {"uid": uid(text, "uid", signed)} if _DIGITS.fullmatch(text) else {"account": text}


def uid_number(fields: Mapping[str, object], signed: bool) -> int:
    """Return the required field `uid`, a JSON integer."""
    return uid(str(integer(fields, "uid")), "uid", signed)
