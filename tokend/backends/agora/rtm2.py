"""Kind `rtm2`: Signaling with permissions for single resources.

Agora enables these permissions per project. Name the kind in `backends` after that.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import RtmUser, check_resource, check_rtm_user, resolve_user
from tokend.backends.agora.names import shapes
from tokend.backends.agora.services import rtm2_service
from tokend.core.model import Grant
from tokend.core.validation import StrictModel

Resource = Annotated[str, AfterValidator(check_resource)]
Resources = Annotated[list[Resource], Field(min_length=1, max_length=100)]


class Access(StrictModel):
    """Names of resources that the user may read or write."""

    read: Resources | None = None
    write: Resources | None = None


class Permissions(StrictModel):
    """Access, by type of resource."""

    message_channels: Access | None = None
    stream_channels: Access | None = None
    group_channels: Access | None = None
    server_groups: Access | None = None
    users: Access | None = None


class Rtm2Fields(StrictModel):
    """A user and its permissions. Without permissions it may only log in."""

    user: RtmUser | None = None
    permissions: Permissions = Field(
        default_factory=Permissions,
        description="resources that the user may read or write, by type. Without them the user may only log in",
    )


class Rtm2(AgoraBackend):
    """Mints tokens for Signaling with permissions."""

    Fields: ClassVar[type[StrictModel]] = Rtm2Fields
    services: ClassVar = shapes("rtm2")

    def grant(self, fields: Rtm2Fields, ttl: int, user: str | None = None) -> Grant:
        user_id = resolve_user(fields.user, user, check_rtm_user)
        return self.grant_of(ttl, rtm2_service(user_id, {"login": ttl}, _nonempty(fields.permissions), ttl))


def _nonempty(permissions: Permissions) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return the permissions without types and permissions that have no resources."""
    return {
        resource_type: {permission: tuple(resources) for permission, resources in access.items()}
        for resource_type, access in permissions.model_dump(exclude_none=True).items()
        if access
    }
