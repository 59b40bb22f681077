"""Kind `fcdn`: publishing to or playing from the Fusion CDN."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import Account, Channel, Role, Seconds, Uid
from tokend.backends.agora.rtc_services import RtcUser, given_privileges, role_or_privileges
from tokend.core.model import Grant, Service
from tokend.core.validation import StrictModel


class FcdnPrivileges(StrictModel):
    """Seconds for each privilege; one left out is withheld."""

    publish: Seconds | None = None
    play: Seconds | None = None


class FcdnFields(StrictModel):
    """One of uid and account; role or privileges."""

    channel: Channel
    uid: Uid | None = None
    account: Account | None = None
    role: Role | None = Field(None, description="subscriber unless said: it plays, a publisher publishes too")
    privileges: FcdnPrivileges | None = None


class Fcdn(RtcUser, AgoraBackend):
    Fields: ClassVar[type[StrictModel]] = FcdnFields

    def grant(self, fields: FcdnFields, ttl: int, user: str | None = None) -> Grant:
        role_or_privileges(fields.role, fields.privileges)
        asked = fields.privileges
        privileges: Mapping[str, int] = {"play": ttl} | ({"publish": ttl} if fields.role == "publisher" else {})
        if asked is not None:
            privileges = given_privileges({"publish": asked.publish, "play": asked.play}, ttl)
        return self.granted(ttl, Service("fcdn", self.wire_user(fields, user), fields.channel, privileges))
