"""Kind `apaas`: Flexible Classroom (Education). A token for a user in a room, for a user, or for the administrator."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import OnlyTrue, RtmUser, check_rtm_user, resolve_user
from tokend.backends.agora.names import ADMINISTRATOR, NO_ROLE, shapes
from tokend.backends.agora.services import classroom_chat_user, room_privilege
from tokend.core.errors import ApiError, Code
from tokend.core.model import NOT_APPLICABLE, Grant, Service
from tokend.core.validation import StrictModel, satisfying

_check_room = satisfying(
    lambda text: 1 <= len(text.encode("utf-8", "replace")) <= 64 and text.isprintable(),
    "must be 1 to 64 bytes of printable text",
)


class ApaasFields(StrictModel):
    """Either a room with a user and a role, or a user alone, or `app: true`."""

    room: Annotated[str, AfterValidator(_check_room), Field(description="Room UUID, 1 to 64 bytes")] | None = None
    user: RtmUser | None = None
    role: (
        Annotated[
            int, Field(ge=0, le=32_767, description="The room's own number of a role: 1 teacher, 2 student, and so on")
        ]
        | None
    ) = None
    app: OnlyTrue | None = Field(
        None, description="An administrator's token for the REST API. A rule must allow it as a capability."
    )


class Apaas(AgoraBackend):
    """Mints tokens for Flexible Classroom."""

    Fields: ClassVar[type[StrictModel]] = ApaasFields
    services: ClassVar = shapes("apaas", "rtm", "chat")

    def names_user(self, fields: ApaasFields) -> bool:
        return fields.user is not None or fields.app is not None

    def grant(self, fields: ApaasFields, ttl: int, user: str | None = None) -> Grant:
        return self.grant_of(ttl, *self._services(fields, ttl, user))

    def _services(self, fields: ApaasFields, ttl: int, user: str | None) -> tuple[Service, ...]:
        if fields.app is not None:
            if fields.user is not None or fields.room is not None or fields.role is not None:
                raise ApiError(Code.INVALID_FIELD, "cannot be combined with a user, a room or a role", "app")
            return (Service("apaas", privileges={ADMINISTRATOR: ttl}, detail={"role": NO_ROLE}),)
        user_id = resolve_user(fields.user, user, check_rtm_user)
        if fields.room is None:
            if fields.role is not None:
                raise ApiError(Code.INVALID_FIELD, "needs a room", "role")
            return (Service("apaas", user_id, NOT_APPLICABLE, {"user": ttl}, detail={"role": NO_ROLE}),)
        role = NO_ROLE if fields.role is None else fields.role
        return (
            Service("rtm", user_id, NOT_APPLICABLE, {"login": ttl}),
            Service("chat", classroom_chat_user(user_id), NOT_APPLICABLE, {"user": ttl}),
            Service("apaas", user_id, fields.room, {room_privilege(role): ttl}, detail={"role": role}),
        )
