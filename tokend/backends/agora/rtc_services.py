"""What the kinds with an RTC channel share: uid or account, role or privileges, and the service these make."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field
from pydantic_core import PydanticCustomError

from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.fields import (
    Account,
    Channel,
    Role,
    RtmUser,
    Seconds,
    Uid,
    as_uid,
    check_account,
    check_rtm_user,
    user_for,
)
from tokend.core.errors import ApiError, Code
from tokend.core.model import Grant, Service
from tokend.core.reach import is_wildcard
from tokend.core.validation import StrictModel


class Privileges(StrictModel):
    """Seconds for each privilege; one left out is withheld (F11)."""

    join: Seconds | None = None
    audio: Seconds | None = None
    video: Seconds | None = None
    data: Seconds | None = None


class RtcPart(StrictModel):
    """One of uid and account; role or privileges."""

    channel: Channel
    uid: Uid | None = None
    account: Account | None = None
    role: Role | None = Field(None, description="subscriber unless said")
    privileges: Privileges | None = None


class RtcUser:
    """For backends whose fields name the user as uid or account."""

    def names_user(self, fields: Any) -> bool:
        return fields.uid is not None or fields.account is not None

    def filled(self, user: str) -> Mapping[str, object]:
        uid = as_uid(user)
        return {"account": user} if uid is None or uid == 0 else {"uid": uid}

    def wire_user(self, fields: Any, user: str | None) -> str:
        """As on the wire: uid 0 is empty (any user), the account "0" stays (F5)."""
        if fields.uid is not None and fields.account is not None:
            raise ApiError(Code.INVALID_FIELD, "stands beside uid: say one of the two", "account")
        named = fields.account if fields.uid is None else str(fields.uid or "")
        return user_for(named, user, check_account, "uid")


def rtc_service(fields: RtcPart, user: str, ttl: int) -> Service:
    """The RTC service for a user as on the wire."""
    return Service("rtc", user, fields.channel, _privileges(fields, ttl))


def role_or_privileges(role: object, privileges: object) -> None:
    """Both at once could contradict each other."""
    if role is not None and privileges is not None:
        raise ApiError(Code.INVALID_FIELD, "stands beside privileges: say one of the two", "role")


def given_privileges(by_name: Mapping[str, int | None], ttl: int) -> Mapping[str, int]:
    """Those that are said; `Refusal` if none is, or one outlasts the token."""
    given = {name: seconds for name, seconds in by_name.items() if seconds is not None}
    if not given:
        raise ApiError(Code.INVALID_FIELD, "must give at least one privilege", "privileges")
    if max(given.values()) > ttl:
        raise ApiError(Code.INVALID_FIELD, f"must not last longer than the token, which is {ttl} s", "privileges")
    return given


def _privileges(fields: RtcPart, ttl: int) -> Mapping[str, int]:
    role_or_privileges(fields.role, fields.privileges)
    asked = fields.privileges
    if asked is None:
        publish = {"publish_audio": ttl, "publish_video": ttl, "publish_data": ttl}
        return {"join": ttl} | (publish if fields.role == "publisher" else {})
    return given_privileges(
        {
            "join": asked.join,
            "publish_audio": asked.audio,
            "publish_video": asked.video,
            "publish_data": asked.data,
        },
        ttl,
    )


class RtcRtmFields(RtcPart):
    """An RTC user and an RTM user, the same unless said; with a lifetime of its own where said."""

    rtm_user: RtmUser | None = Field(None, description="RTM user id; the uid or account where left out")
    rtm_seconds: Seconds | None = Field(None, description="Seconds of the RTM login; the token's ttl where left out")


class RtcRtmBackend(RtcUser, AgoraBackend):
    """RTC and RTM in one token, and the services in `besides`, which hold nothing but their name."""

    Fields: ClassVar[type[StrictModel]] = RtcRtmFields
    besides: ClassVar[tuple[str, ...]] = ()

    def grant(self, fields: RtcRtmFields, ttl: int, user: str | None = None) -> Grant:
        rtc_user = self.wire_user(fields, user)
        rtc = rtc_service(fields, rtc_user, ttl)
        seconds = fields.rtm_seconds or ttl
        if seconds > ttl:
            raise ApiError(Code.INVALID_FIELD, f"must not be over the token's ttl, which is {ttl} s", "rtm_seconds")
        if fields.rtm_user is None and is_wildcard(rtc_user):
            raise ApiError(Code.INVALID_FIELD, "is missing: RTM needs one user, and the RTC user is any", "rtm_user")
        try:
            rtm_user = check_rtm_user(rtc_user) if fields.rtm_user is None else fields.rtm_user
        except PydanticCustomError as error:
            raise ApiError(Code.INVALID_FIELD, error.message(), "rtm_user") from error
        rtm = Service("rtm", rtm_user, None, {"login": seconds})
        return self.granted(ttl, rtc, rtm, *map(Service, self.besides))
