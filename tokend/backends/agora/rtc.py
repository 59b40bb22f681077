"""Kind `rtc`: join a voice or video channel, as publisher or subscriber, or with a lifetime for each privilege."""

from typing import ClassVar

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import Version
from tokend.backends.agora.rtc_services import RtcServiceFields, RtcUser, rtc_service
from tokend.core.errors import ApiError, Code
from tokend.core.model import Grant
from tokend.core.reach import is_wildcard
from tokend.core.validation import StrictModel


class RtcFields(RtcServiceFields):
    """Either uid or account; either role or privileges."""

    version: Version = "007"


class Rtc(RtcUser, AgoraBackend):
    """Mints tokens for voice and video channels, in format 006 or 007."""

    Fields: ClassVar[type[StrictModel]] = RtcFields

    def grant(self, fields: RtcFields, ttl: int, user: str | None = None) -> Grant:
        wire_user = self.wire_user(fields, user)
        if fields.version == "006" and is_wildcard(fields.channel):
            raise ApiError(Code.INVALID_FIELD, "may not be empty or hold * in a 006 token", "channel")
        if fields.version == "006" and "*" in wire_user:
            raise ApiError(Code.INVALID_FIELD, "may not hold * in a 006 token", "account")
        return self.grant_of(ttl, rtc_service(fields, wire_user, ttl), version=fields.version)
