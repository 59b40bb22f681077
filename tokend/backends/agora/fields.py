"""Channel names, user ids and lifetimes with Agora's limits, as pydantic types.

The limits and their sources: docs/reference/agora-platform.md.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tokend.backends.agora.packing import MAX_U32
from tokend.core.errors import ApiError, Code
from tokend.core.validation import matching, satisfying

# the 89 characters that Agora allows in RTC channels and accounts, and `*` for wildcards, which need a capability
_RTC_TEXT: Final = r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,*]"
# Signaling allows the backtick, but no full stop and no leading underscore
_RTM_CHANNEL: Final = r"(?!_)[a-zA-Z0-9 !#$%&()+\-:;<=>?@\[\]^_{}|~,`*]{1,63}"


Check = Callable[[str], str]
"""Returns a valid text, or raises the error of pydantic with a sentence."""


# valid text is ASCII, so its characters count its bytes
check_channel = matching(
    _RTC_TEXT + "{0,63}", "must be at most 63 bytes of a-z A-Z 0-9, space and !#$%&()+-:;<=.>?@[]^_{}|~,"
)
check_account = matching(
    _RTC_TEXT + "{0,255}", "must be at most 255 bytes of a-z A-Z 0-9, space and !#$%&()+-:;<=.>?@[]^_{}|~,"
)
check_stream_channel = matching(
    _RTM_CHANNEL, "must be 1 to 63 bytes of a-z A-Z 0-9, space and !#$%&()+-:;<=>?@[]^_{}|~,` and not begin with _"
)
check_rtm_user = matching(r"(?! )[ -~]{1,64}", "must be 1 to 64 printable ASCII characters and not begin with a space")
check_chat_user = matching(r"[a-z0-9_.\-]{1,64}", "must be 1 to 64 of a-z 0-9 _ - . (no upper case)")
check_resource = matching(r"[ -~]{1,64}", "must be 1 to 64 printable ASCII characters")

Channel = Annotated[
    str,
    AfterValidator(check_channel),
    Field(
        description=(
            "Channel name, 1 to 63 bytes. An empty name, `*` or a pattern fits many channels: a rule must allow it as a "
            "capability."
        ),
        examples=["demo-room"],
    ),
]
Uid = Annotated[
    int,
    AfterValidator(satisfying(lambda number: 0 <= number <= MAX_U32, "must be 0 to 4294967295; 0 stands for any user")),
    Field(
        description="Numeric uid, 1 to 4294967295. 0 fits any user: a rule must allow it as a capability.",
        examples=[7],
        json_schema_extra={"minimum": 0, "maximum": MAX_U32, "format": "uid"},
    ),
]
Account = Annotated[
    str,
    AfterValidator(check_account),
    Field(
        description=(
            "Text user account, 1 to 255 bytes; `0` is an ordinary account. An empty one, or one with `*`, needs a "
            "capability."
        )
    ),
]
StreamChannel = Annotated[
    str,
    AfterValidator(check_stream_channel),
    Field(description="Stream channel that the token joins too, 1 to 63 bytes. One with `*` needs a capability."),
]
RtmUser = Annotated[
    str,
    AfterValidator(check_rtm_user),
    Field(description="RTM user id, 1 to 64 ASCII characters.", examples=["ann"]),
]
ChatUser = Annotated[
    str,
    AfterValidator(check_chat_user),
    Field(description="Chat user id, 1 to 64 of a-z 0-9 _ - .", examples=["ann"]),
]
Seconds = Annotated[int, Field(ge=1, le=86_400, description="Seconds from the issue time, 1 to 86400.")]
Role = Annotated[Literal["publisher", "subscriber"], Field(json_schema_extra={"format": "role"})]
Version = Annotated[
    Literal["007", "006"],
    Field(
        description="Token format; 006 only where the route's dialect allows it.",
        json_schema_extra={"format": "token-version"},
    ),
]


# Literal[True] also accepts 1 and 1.0
OnlyTrue = Annotated[
    bool,
    AfterValidator(satisfying(bool, "must be true, or left out where a user is named")),
    Field(json_schema_extra={"const": True}),
]

UUID_TEXT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The UUID that Chat gives a user when it is registered."""
UID_TEXT: Final = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)


def as_uid(text: str) -> int | None:
    """Return the uid of a canonical decimal text (`0`, `7`; not `07`, `+7`), or None for any other text."""
    if UID_TEXT.fullmatch(text) is None or int(text) > MAX_U32:
        return None
    return int(text)


def unsigned(text: str) -> str | None:
    """Return the uid that Android's SDK shows as this negative number, or None for any other text."""
    digits = text.removeprefix("-")
    is_negative = text != digits and digits.isascii() and digits.isdigit() and len(digits) <= 10
    return str(2**32 - int(digits)) if is_negative else None


def resolve_user(requested: str | None, from_rule: str | None, check: Check, field: str = "user") -> str:
    """Return the user of the token request, else that of the rule. Raises `ApiError` (400) if both are None or invalid."""
    if requested is not None:
        return requested
    if from_rule is None:
        raise ApiError(Code.INVALID_FIELD, "is missing: say for whom the token is", field)
    try:
        return check(from_rule)
    except PydanticCustomError as error:
        raise ApiError(Code.INVALID_FIELD, f"is filled in by the rule and {error.message()}", field) from error
