"""Kind `rtc`: join a voice or video channel, as publisher or subscriber, or with a lifetime for each privilege."""

from collections.abc import Mapping
from typing import ClassVar

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import Version
from tokend.backends.agora.names import shapes
from tokend.backends.agora.rtc_services import RtcServiceFields, RtcUser, rtc_service
from tokend.core.declarations import ServiceShape
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, Grant
from tokend.core.reach import is_wildcard
from tokend.core.validation import StrictModel


class RtcFields(RtcServiceFields):
    """Either uid or account; either role or privileges."""

    version: Version = "007"


class Rtc(RtcUser, AgoraBackend):
    """Mints tokens for voice and video channels, in format 006 or 007."""

    Fields: ClassVar[type[StrictModel]] = RtcFields
    services: ClassVar[Mapping[str, ServiceShape]] = shapes("rtc")

    def grant(self, fields: RtcFields, ttl: int, user: str | None = None) -> Grant:
        rtc_user = self.user_of(fields, user)
        if fields.version == "006" and is_wildcard(fields.channel or ANY):
            raise ApiError(Code.INVALID_FIELD, "may not be empty or hold * in a 006 token", "channel")
        if fields.version == "006" and isinstance(rtc_user, str) and is_wildcard(rtc_user):
            raise ApiError(Code.INVALID_FIELD, "may not hold * in a 006 token", "account")
        return self.grant_of(ttl, rtc_service(fields, rtc_user, ttl), version=fields.version)
