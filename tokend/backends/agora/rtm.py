"""Kind `rtm`: log in to Signaling, and optionally join one of its stream channels.

For a stream channel, Agora requires an RTC service for the same channel and user in the token.
"""

from typing import ClassVar

from pydantic import Field

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import Role, RtmUser, StreamChannel, Version, check_rtm_user, resolve_user
from tokend.backends.agora.names import shapes
from tokend.core.errors import ApiError, Code
from tokend.core.model import NOT_APPLICABLE, Grant, Service
from tokend.core.validation import StrictModel


class RtmFields(StrictModel):
    """A user, and optionally a stream channel with a role in it."""

    user: RtmUser | None = None
    channel: StreamChannel | None = None
    role: Role | None = Field(None, description="In the stream channel, a subscriber sends no data. Default: publisher")
    version: Version = "007"


class Rtm(AgoraBackend):
    """Mints tokens for Signaling, in format 006 or 007."""

    Fields: ClassVar[type[StrictModel]] = RtmFields
    services: ClassVar = shapes("rtm", "rtc")

    def grant(self, fields: RtmFields, ttl: int, user: str | None = None) -> Grant:
        user_id = resolve_user(fields.user, user, check_rtm_user)
        login = Service("rtm", user_id, NOT_APPLICABLE, {"login": ttl})
        services: tuple[Service, ...] = (login,)
        if fields.channel is None:
            if fields.role is not None:
                raise ApiError(Code.INVALID_FIELD, "needs a channel: RTM itself has no roles", "role")
        elif fields.version == "006":
            raise ApiError(Code.INVALID_FIELD, "cannot be joined with a 006 token", "channel")
        else:
            data = {} if fields.role == "subscriber" else {"publish_data": ttl}
            services = (Service("rtc", user_id, fields.channel, {"join": ttl, **data}), login)
        return self.grant_of(ttl, *services, version=fields.version)
