"""Kind `chat`: a user's token, or the app token that administers Chat through the vendor's REST API (F16)."""

from typing import ClassVar

from pydantic import Field

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import ChatUser, Yes, check_chat_user, user_for
from tokend.core.errors import ApiError, Code
from tokend.core.model import Grant, Service
from tokend.core.reach import ADMINISTRATOR
from tokend.core.validation import StrictModel


class ChatFields(StrictModel):
    """A user, or `app: true`."""

    user: ChatUser | None = None
    app: Yes | None = Field(None, description="An administrator's token for the REST API: a capability.")


class Chat(AgoraBackend):
    Fields: ClassVar[type[StrictModel]] = ChatFields

    def names_user(self, fields: ChatFields) -> bool:
        return fields.user is not None or fields.app is not None

    def renew_after(self, grant: Grant) -> int:
        return grant.ttl // 2  # Chat clients are told at half of a token's life (F18)

    def grant(self, fields: ChatFields, ttl: int, user: str | None = None) -> Grant:
        if fields.app is None:
            service = Service("chat", user_for(fields.user, user, check_chat_user), None, {"user": ttl})
        elif fields.user is None:
            service = Service("chat", None, None, {ADMINISTRATOR: ttl})
        else:
            raise ApiError(Code.INVALID_FIELD, "stands beside user: say one of the two", "app")
        return self.granted(ttl, service)
