"""The ids that the vendor's kinds take, each with the platform's limits (facts F2 to F8), as pydantic types."""

import re
from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tokend.backends.agora.packing import MAX_U32
from tokend.core.errors import ApiError, Code
from tokend.core.validation import invalid

# F2: the 89 characters of RTC channels and accounts; `*` besides, for wildcards and patterns, which need a capability
_RTC_TEXT: Final = r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,*]"
# F3: the backtick joins, the full stop leaves, no leading underscore
_RTM_CHANNEL: Final = r"(?!_)[a-zA-Z0-9 !#$%&()+\-:;<=>?@\[\]^_{}|~,`*]{1,63}"


def _text(pattern: str, sentence: str) -> Callable[[str], str]:
    """A check that says what is wanted; byte lengths equal character counts, since all that passes is ASCII."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise invalid(sentence)
        return text

    return check


def _uid(number: int) -> int:
    if not 0 <= number <= MAX_U32:
        raise invalid("must be 0 to 4294967295; 0 stands for any user")
    return number


check_channel = _text(
    _RTC_TEXT + "{0,63}", "must be at most 63 bytes of a-z A-Z 0-9, space and !#$%&()+-:;<=.>?@[]^_{}|~,"
)
check_account = _text(
    _RTC_TEXT + "{0,255}", "must be at most 255 bytes of a-z A-Z 0-9, space and !#$%&()+-:;<=.>?@[]^_{}|~,"
)
check_stream_channel = _text(
    _RTM_CHANNEL, "must be 1 to 63 bytes of a-z A-Z 0-9, space and !#$%&()+-:;<=>?@[]^_{}|~,` and not begin with _"
)
check_rtm_user = _text(r"(?! )[ -~]{1,64}", "must be 1 to 64 printable ASCII characters and not begin with a space")
check_chat_user = _text(r"[a-z0-9_.\-]{1,64}", "must be 1 to 64 of a-z 0-9 _ - . (no upper case)")
check_resource = _text(r"[ -~]{1,64}", "must be 1 to 64 printable ASCII characters")

Channel = Annotated[
    str,
    AfterValidator(check_channel),
    Field(description="Channel name, 1 to 63 bytes. Empty, `*` or a pattern is every channel it fits: a capability."),
]
Uid = Annotated[
    int,
    AfterValidator(_uid),
    Field(
        description="Numeric uid, 1 to 4294967295. 0 is any user: a capability.",
        json_schema_extra={"minimum": 0, "maximum": MAX_U32},
    ),
]
Account = Annotated[
    str,
    AfterValidator(check_account),
    Field(description="Text user account, 1 to 255 bytes; `0` is the account 0. Empty or with `*` it is a capability."),
]
StreamChannel = Annotated[
    str,
    AfterValidator(check_stream_channel),
    Field(description="Stream channel that the token joins too, 1 to 63 bytes. With `*` it is a capability."),
]
RtmUser = Annotated[str, AfterValidator(check_rtm_user), Field(description="RTM user id, 1 to 64 ASCII characters.")]
ChatUser = Annotated[str, AfterValidator(check_chat_user), Field(description="Chat user id, 1 to 64 of a-z 0-9 _ - .")]
Seconds = Annotated[int, Field(ge=1, le=86_400, description="Seconds from the issue time, 1 to 86400.")]
Role = Literal["publisher", "subscriber"]
Version = Annotated[Literal["007", "006"], Field(description="Token format; 006 only where the route says so.")]


def _true(said: bool) -> bool:
    if not said:
        raise invalid("must be true, or left out where a user is named")
    return said


# not Literal[True], which takes 1 and 1.0 as well
Yes = Annotated[bool, AfterValidator(_true), Field(json_schema_extra={"const": True})]

UID_TEXT: Final = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)


def as_uid(text: str) -> int | None:
    """The uid that a canonical decimal text stands for (`0`, `7`; not `07`, `+7`), None for anything else."""
    if UID_TEXT.fullmatch(text) is None or int(text) > MAX_U32:
        return None
    return int(text)


def user_for(named: str | None, filled: str | None, check: Callable[[str], str], field: str = "user") -> str:
    """The user that the ask names, else the one that the rule fills in; `Refusal` if there is neither, or it is bad."""
    if named is not None:
        return named
    if filled is None:
        raise ApiError(Code.INVALID_FIELD, "is missing: say for whom the token is", field)
    try:
        return check(filled)
    except PydanticCustomError as error:
        raise ApiError(Code.INVALID_FIELD, f"is filled in by the rule and {error.message()}", field) from error
