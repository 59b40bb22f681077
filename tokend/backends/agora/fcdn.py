"""Kind `fcdn`: publish to Fusion CDN, or play from it."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from tokend.backends.agora.fields import Role, Seconds
from tokend.backends.agora.names import shapes
from tokend.backends.agora.rtc_services import RtcUserBackend, RtcUserFields, check_privileges, check_role_or_privileges
from tokend.core.model import ANY, Grant, Service
from tokend.core.validation import StrictModel


class FcdnPrivileges(StrictModel):
    """Seconds for each privilege. The token does not give a privilege that is left out."""

    publish: Seconds | None = None
    play: Seconds | None = None


class FcdnFields(RtcUserFields):
    """Either uid or account; either role or privileges."""

    role: Role | None = Field(
        None, description="a subscriber plays, a publisher publishes too. Default: subscriber", examples=["publisher"]
    )
    privileges: FcdnPrivileges | None = Field(None, description="in place of role: seconds for each privilege")


class Fcdn(RtcUserBackend):
    """Mints tokens for Fusion CDN."""

    Fields: ClassVar[type[StrictModel]] = FcdnFields
    services: ClassVar = shapes("fcdn")

    def grant(self, fields: FcdnFields, ttl: int, user: str | None = None) -> Grant:
        check_role_or_privileges(fields.role, fields.privileges)
        requested = fields.privileges
        privileges: Mapping[str, int] = {"play": ttl} | ({"publish": ttl} if fields.role == "publisher" else {})
        if requested is not None:
            privileges = check_privileges({"publish": requested.publish, "play": requested.play}, ttl)
        return self.grant_of(ttl, Service("fcdn", self.user_of(fields, user), fields.channel or ANY, privileges))
