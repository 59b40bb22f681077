"""Kind `chat`: a user's token, or the app token, which administers Chat through Agora's REST API.

An app token is an administrator's credential, so a rule has to name the capability `app_admin`.
"""

from typing import ClassVar

from pydantic import Field

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import ChatUser, OnlyTrue, check_chat_user, resolve_user
from tokend.backends.agora.names import ADMINISTRATOR, shapes
from tokend.core.errors import ApiError, Code
from tokend.core.model import NOT_APPLICABLE, Grant, Service
from tokend.core.validation import StrictModel


class ChatFields(StrictModel):
    """Either a user, or `app: true`."""

    user: ChatUser | None = None
    app: OnlyTrue | None = Field(
        None, description="An administrator's token for the REST API. A rule must allow it as a capability."
    )


class Chat(AgoraBackend):
    """Mints tokens for Chat."""

    Fields: ClassVar[type[StrictModel]] = ChatFields
    services: ClassVar = shapes("chat")

    def names_user(self, fields: ChatFields) -> bool:
        return fields.user is not None or fields.app is not None

    def renew_after(self, grant: Grant) -> int:
        return grant.ttl // 2  # Chat SDKs announce the expiry when half of the lifetime is over

    def grant(self, fields: ChatFields, ttl: int, user: str | None = None) -> Grant:
        if fields.app is None:
            service = Service("chat", resolve_user(fields.user, user, check_chat_user), NOT_APPLICABLE, {"user": ttl})
        elif fields.user is None:
            service = Service("chat", privileges={ADMINISTRATOR: ttl})
        else:
            raise ApiError(Code.INVALID_FIELD, "cannot be combined with user: send one of them", "app")
        return self.grant_of(ttl, service)
