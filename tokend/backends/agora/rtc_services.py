"""Fields and services that the kinds with an RTC channel share: uid or account, role or privileges."""

from collections.abc import Mapping
from typing import ClassVar

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
    resolve_user,
)
from tokend.backends.agora.names import shapes
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, NOT_APPLICABLE, Extent, Grant, Service
from tokend.core.reach import is_wildcard
from tokend.core.validation import StrictModel


class Privileges(StrictModel):
    """Seconds for each privilege; `join` is required. The token does not give a privilege that is left out."""

    join: Seconds | None = None
    audio: Seconds | None = None
    video: Seconds | None = None
    data: Seconds | None = None


class RtcUserFields(StrictModel):
    """A channel, and either uid or account."""

    channel: Channel
    uid: Uid | None = None
    account: Account | None = None


class RtcServiceFields(RtcUserFields):
    """Either uid or account; either role or privileges."""

    role: Role | None = Field(None, description="what the user may do. Default: subscriber", examples=["publisher"])
    privileges: Privileges | None = Field(
        default=None, description="in place of role: seconds for each privilege; join is required"
    )


class RtcUserBackend(AgoraBackend):
    """The base of kinds whose fields name the user as uid or account."""

    def names_user(self, fields: RtcUserFields) -> bool:
        return fields.uid is not None or fields.account is not None

    def filled(self, user: str) -> Mapping[str, object]:
        uid = as_uid(user)
        return {"account": user} if uid is None or uid == 0 else {"uid": uid}

    def user_of(self, fields: RtcUserFields, user: str | None) -> str | Extent:
        """Return the user of the token: uid 0 and an empty account are ANY, the account "0" is "0"."""
        if fields.uid is not None and fields.account is not None:
            raise ApiError(Code.INVALID_FIELD, "cannot be combined with uid: send one of them", "account")
        requested = fields.account if fields.uid is None else str(fields.uid or "")
        return resolve_user(requested, user, check_account, "uid") or ANY


def rtc_service(fields: RtcServiceFields, user: str | Extent, ttl: int) -> Service:
    """Return the RTC service for a user. An empty channel is ANY. `ttl` is in seconds."""
    return Service("rtc", user, fields.channel or ANY, _privileges(fields, ttl))


def check_role_or_privileges(role: object, privileges: object) -> None:
    """Raise `ApiError` (400) if both are given, since they could contradict each other."""
    if role is not None and privileges is not None:
        raise ApiError(Code.INVALID_FIELD, "cannot be combined with privileges: send one of them", "role")


def check_privileges(by_name: Mapping[str, int | None], ttl: int) -> Mapping[str, int]:
    """Return the privileges that are not None, in seconds.

    Raises `ApiError` (400) if there is none, or one lasts longer than the token.
    """
    given = {name: seconds for name, seconds in by_name.items() if seconds is not None}
    if not given:
        raise ApiError(Code.INVALID_FIELD, "must give at least one privilege", "privileges")
    if max(given.values()) > ttl:
        raise ApiError(Code.INVALID_FIELD, f"must not last longer than the token, which is {ttl} s", "privileges")
    return given


def _privileges(fields: RtcServiceFields, ttl: int) -> Mapping[str, int]:
    check_role_or_privileges(fields.role, fields.privileges)
    requested = fields.privileges
    if requested is None:
        publish = {"publish_audio": ttl, "publish_video": ttl, "publish_data": ttl}
        return {"join": ttl} | (publish if fields.role == "publisher" else {})
    if requested.join is None:
        raise ApiError(Code.INVALID_FIELD, "is missing: without it nobody can join the channel", "privileges.join")
    return check_privileges(
        {
            "join": requested.join,
            "publish_audio": requested.audio,
            "publish_video": requested.video,
            "publish_data": requested.data,
        },
        ttl,
    )


class RtcRtmFields(RtcServiceFields):
    """An RTC user and optionally another RTM user, optionally with a lifetime of its own."""

    rtm_user: RtmUser | None = Field(None, description="RTM user id. Default: the uid or account")
    rtm_seconds: Seconds | None = Field(None, description="Seconds of the RTM login. Default: the token's ttl")


class RtcRtmBackend(RtcUserBackend):
    """Mints tokens with RTC, RTM and the other `services` of the kind. The latter have no fields and no privileges."""

    Fields: ClassVar[type[StrictModel]] = RtcRtmFields
    services: ClassVar = shapes(None, "rtc", "rtm")

    def grant(self, fields: RtcRtmFields, ttl: int, user: str | None = None) -> Grant:
        rtc_user = self.user_of(fields, user)
        rtc = rtc_service(fields, rtc_user, ttl)
        seconds = fields.rtm_seconds or ttl
        if seconds > ttl:
            raise ApiError(Code.INVALID_FIELD, f"must not be over the token's ttl, which is {ttl} s", "rtm_seconds")
        if fields.rtm_user is None and (isinstance(rtc_user, Extent) or is_wildcard(rtc_user)):
            raise ApiError(
                Code.INVALID_FIELD, "is missing: RTM needs one user, and the RTC token is for any user", "rtm_user"
            )
        try:
            rtm_user = check_rtm_user(str(rtc_user)) if fields.rtm_user is None else fields.rtm_user
        except PydanticCustomError as error:
            raise ApiError(Code.INVALID_FIELD, error.message(), "rtm_user") from error
        rtm = Service("rtm", rtm_user, NOT_APPLICABLE, {"login": seconds})
        return self.grant_of(ttl, rtc, rtm, *map(Service, self.services.keys() - {"rtc", "rtm"}))
