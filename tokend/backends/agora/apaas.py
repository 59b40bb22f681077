"""Kind `apaas`: the flexible classroom (Education): a user in a room, a user, or the app's administrator."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from tokend.backends.agora.base import AgoraBackend, chat_user
from tokend.backends.agora.fields import RtmUser, Yes, check_rtm_user, user_for
from tokend.backends.agora.names import NO_ROLE
from tokend.core.errors import ApiError, Code
from tokend.core.model import Grant, Service
from tokend.core.reach import ADMINISTRATOR
from tokend.core.validation import StrictModel, invalid


def _room(text: str) -> str:
    if not 1 <= len(text.encode("utf-8", "replace")) <= 64 or not text.isprintable():
        raise invalid("must be 1 to 64 bytes of printable text")
    return text


class ApaasFields(StrictModel):
    """A room with a user and a role; a user alone; or `app: true`."""

    room: Annotated[str, AfterValidator(_room), Field(description="Room UUID, 1 to 64 bytes")] | None = None
    user: RtmUser | None = None
    role: (
        Annotated[int, Field(ge=0, le=32_767, description="The room's own number of a role: 1 teacher, 2 student, …")]
        | None
    ) = None
    app: Yes | None = Field(None, description="An administrator's token for the REST API: a capability.")


class Apaas(AgoraBackend):
    Fields: ClassVar[type[StrictModel]] = ApaasFields

    def names_user(self, fields: ApaasFields) -> bool:
        return fields.user is not None or fields.app is not None

    def grant(self, fields: ApaasFields, ttl: int, user: str | None = None) -> Grant:
        return self.granted(ttl, *self._services(fields, ttl, user))

    def _services(self, fields: ApaasFields, ttl: int, user: str | None) -> tuple[Service, ...]:
        if fields.app is not None:
            if fields.user is not None or fields.room is not None or fields.role is not None:
                raise ApiError(
                    Code.INVALID_FIELD, "stands beside a user, a room or a role: it has none of these", "app"
                )
            return (Service("apaas", None, None, {ADMINISTRATOR: ttl}, {"role": NO_ROLE}),)
        named = user_for(fields.user, user, check_rtm_user)
        if fields.room is None:
            if fields.role is not None:
                raise ApiError(Code.INVALID_FIELD, "needs a room", "role")
            return (Service("apaas", named, None, {"user": ttl}, {"role": NO_ROLE}),)
        role = NO_ROLE if fields.role is None else fields.role
        return (
            Service("rtm", named, None, {"login": ttl}),
            Service("chat", chat_user(named), None, {"user": ttl}),
            Service("apaas", named, fields.room, {"room_user": ttl}, {"role": role}),
        )
