"""Kind `rtc`: join a voice or video channel, as publisher or subscriber, or with a lifetime for each privilege."""

from typing import ClassVar

from pydantic import Field

from tokend.backends.agora.credentials import AgoraOptions
from tokend.backends.agora.fields import Version
from tokend.backends.agora.names import shapes
from tokend.backends.agora.rtc_services import RtcServiceFields, RtcUserBackend, rtc_service
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, Extent, Grant
from tokend.core.reach import is_wildcard, text_of
from tokend.core.validation import StrictModel


class RtcFields(RtcServiceFields):
    """Either uid or account; either role or privileges."""

    version: Version = "007"


class RtcOptions(AgoraOptions):
    """Options of the kind rtc."""

    strict_006: bool = Field(
        default=False, description="of the kind rtc: reject channels and uids that a 006 token could not tell apart"
    )


class Rtc(RtcUserBackend):
    """Mints tokens for voice and video channels, in format 006 or 007."""

    Options: ClassVar[type[StrictModel]] = RtcOptions
    Fields: ClassVar[type[StrictModel]] = RtcFields
    services: ClassVar = shapes("rtc")
    test_client: ClassVar[str | None] = "https://webdemo.agora.io/basicVideoCall/index.html"

    def grant(self, fields: RtcFields, ttl: int, user: str | None = None) -> Grant:
        rtc_user = self.user_of(fields, user)
        if fields.version == "006" and is_wildcard(fields.channel or ANY):
            raise ApiError(Code.INVALID_FIELD, "may not be empty or hold * in a 006 token", "channel")
        if fields.version == "006" and isinstance(rtc_user, str) and is_wildcard(rtc_user):
            raise ApiError(Code.INVALID_FIELD, "may not hold * in a 006 token", "account")
        if fields.version == "006" and self.options.strict_006:
            _check_distinct(fields.channel, rtc_user)
        return self.grant_of(ttl, rtc_service(fields, rtc_user, ttl), version=fields.version)


def _check_distinct(channel: str, user: str | Extent) -> None:
    """Reject names that another channel and user could form: 006 signs app id, channel and user joined without separators.

    What is left can be told apart: the uid begins after the last character that is no digit.
    """
    if user is not ANY and not text_of(user).isdigit():
        raise ApiError(
            Code.INVALID_FIELD, "must be a uid in a 006 token, since another channel could begin it", "account"
        )
    if channel[-1:].isdigit():
        raise ApiError(Code.INVALID_FIELD, "may not end in a digit in a 006 token, since a uid follows it", "channel")
