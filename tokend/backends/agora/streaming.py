"""Kind `streaming`: publish a mixed or a raw stream from a channel."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from tokend.backends.agora.fields import Seconds
from tokend.backends.agora.names import shapes
from tokend.backends.agora.rtc_services import RtcUserBackend, RtcUserFields, check_privileges
from tokend.core.model import ANY, Grant, Service
from tokend.core.validation import StrictModel


class StreamingPrivileges(StrictModel):
    """Seconds for each privilege. The token does not give a privilege that is left out."""

    mixed: Seconds | None = None
    raw: Seconds | None = None


class StreamingFields(RtcUserFields):
    """Either uid or account. Without `privileges` the token gives both."""

    privileges: StreamingPrivileges | None = Field(
        default=None, description="seconds for each privilege. Default: both, for the token's lifetime"
    )


class Streaming(RtcUserBackend):
    """Mints tokens for streaming."""

    Fields: ClassVar[type[StrictModel]] = StreamingFields
    services: ClassVar = shapes("streaming")

    def grant(self, fields: StreamingFields, ttl: int, user: str | None = None) -> Grant:
        requested = fields.privileges
        privileges: Mapping[str, int] = {"publish_mixed": ttl, "publish_raw": ttl}
        if requested is not None:
            privileges = check_privileges({"publish_mixed": requested.mixed, "publish_raw": requested.raw}, ttl)
        return self.grant_of(ttl, Service("streaming", self.user_of(fields, user), fields.channel or ANY, privileges))
