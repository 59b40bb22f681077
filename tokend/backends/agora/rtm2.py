"""Kind `rtm2`: Signaling with permissions for single resources. The vendor enables it per project: name it in
`backends` once that is done (F15).
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from tokend.backends.agora.base import AgoraBackend, permissions_detail
from tokend.backends.agora.fields import RtmUser, check_resource, check_rtm_user, user_for
from tokend.backends.agora.names import ACCESS, RESOURCE_TYPES
from tokend.core.model import Grant, Service
from tokend.core.validation import StrictModel

Resource = Annotated[str, AfterValidator(check_resource)]
Resources = Annotated[list[Resource], Field(min_length=1, max_length=100)]


class Access(StrictModel):
    """Names of resources that may be read, and of those that may be written."""

    read: Resources | None = None
    write: Resources | None = None


class Permissions(StrictModel):
    """Access by type of resource."""

    message_channels: Access | None = None
    stream_channels: Access | None = None
    group_channels: Access | None = None
    server_groups: Access | None = None
    users: Access | None = None


class Rtm2Fields(StrictModel):
    """A user and what it may reach; without permissions it may only log in."""

    user: RtmUser | None = None
    permissions: Permissions = Field(default_factory=Permissions)


class Rtm2(AgoraBackend):
    Fields: ClassVar[type[StrictModel]] = Rtm2Fields

    def grant(self, fields: Rtm2Fields, ttl: int, user: str | None = None) -> Grant:
        named = user_for(fields.user, user, check_rtm_user)
        detail = permissions_detail(_given(fields.permissions))
        return self.granted(ttl, Service("rtm2", named, None, {"login": ttl}, detail))


def _given(permissions: Permissions) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """A type or permission without resources is left out."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for resource_type in RESOURCE_TYPES:
        access: Access | None = getattr(permissions, resource_type)
        for name in ACCESS:
            resources = getattr(access, name) if access is not None else None
            if resources:
                found.setdefault(resource_type, {})[name] = tuple(resources)
    return found
