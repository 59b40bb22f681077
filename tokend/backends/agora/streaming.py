"""Kind `streaming`: publishing a mixed or a raw stream from a channel."""

from collections.abc import Mapping
from typing import ClassVar

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import Account, Channel, Seconds, Uid
from tokend.backends.agora.rtc_services import RtcUser, given_privileges
from tokend.core.model import Grant, Service
from tokend.core.validation import StrictModel


class StreamingPrivileges(StrictModel):
    """Seconds for each privilege; one left out is withheld."""

    mixed: Seconds | None = None
    raw: Seconds | None = None


class StreamingFields(StrictModel):
    """One of uid and account; both privileges unless some are said."""

    channel: Channel
    uid: Uid | None = None
    account: Account | None = None
    privileges: StreamingPrivileges | None = None


class Streaming(RtcUser, AgoraBackend):
    Fields: ClassVar[type[StrictModel]] = StreamingFields

    def grant(self, fields: StreamingFields, ttl: int, user: str | None = None) -> Grant:
        asked = fields.privileges
        privileges: Mapping[str, int] = {"publish_mixed": ttl, "publish_raw": ttl}
        if asked is not None:
            privileges = given_privileges({"publish_mixed": asked.mixed, "publish_raw": asked.raw}, ttl)
        return self.granted(ttl, Service("streaming", self.wire_user(fields, user), fields.channel, privileges))
