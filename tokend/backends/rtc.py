"""Kind `rtc`: joining a voice or video channel, as publisher or subscriber, or with a lifetime for each privilege."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from tokend.backends._agora import AgoraBackend
from tokend.backends._fields import Account, Channel, Role, Seconds, Uid, Version, as_uid, check_account, user_for
from tokend.model import Code, Grant, Refusal, Service
from tokend.scope import is_wildcard
from tokend.validation import Strict


class Privileges(Strict):
    """Seconds for each privilege; one left out is withheld (F11)."""

    join: Seconds | None = None
    audio: Seconds | None = None
    video: Seconds | None = None
    data: Seconds | None = None


class RtcFields(Strict):
    """One of uid and account; role or privileges."""

    channel: Channel
    uid: Uid | None = None
    account: Account | None = None
    role: Role | None = Field(None, description="subscriber unless said")
    privileges: Privileges | None = None
    version: Version = "007"


class Rtc(AgoraBackend):
    Fields: ClassVar[type[Strict]] = RtcFields

    def names_user(self, fields: RtcFields) -> bool:
        return fields.uid is not None or fields.account is not None

    def filled(self, user: str) -> Mapping[str, object]:
        uid = as_uid(user)
        return {"account": user} if uid is None or uid == 0 else {"uid": uid}

    def grant(self, fields: RtcFields, ttl: int, user: str | None = None) -> Grant:
        if fields.uid is not None and fields.account is not None:
            raise Refusal(Code.INVALID_FIELD, "stands beside uid: say one of the two", "account")
        # uid 0 is written empty: any user; the account "0" stays (F5)
        named = fields.account if fields.uid is None else str(fields.uid or "")
        wire_user = user_for(named, user, check_account, "uid")
        if fields.version == "006" and is_wildcard(fields.channel):
            raise Refusal(Code.INVALID_FIELD, "may not be empty or hold * in a 006 token", "channel")
        if fields.version == "006" and "*" in wire_user:
            raise Refusal(Code.INVALID_FIELD, "may not hold * in a 006 token", "account")
        privileges = _privileges(fields, ttl)
        return Grant(
            self.credentials.app_id, fields.version, ttl, (Service("rtc", wire_user, fields.channel, privileges),)
        )


def role_privileges(role: str, ttl: int) -> Mapping[str, int]:
    """What a role holds, each for the token's lifetime (F10)."""
    if role == "publisher":
        return {"join": ttl, "publish_audio": ttl, "publish_video": ttl, "publish_data": ttl}
    return {"join": ttl}


def _privileges(fields: RtcFields, ttl: int) -> Mapping[str, int]:
    asked = fields.privileges
    if asked is None:
        return role_privileges(fields.role or "subscriber", ttl)
    if fields.role is not None:
        raise Refusal(Code.INVALID_FIELD, "stands beside privileges: say one of the two", "role")
    by_name = {
        "join": asked.join,
        "publish_audio": asked.audio,
        "publish_video": asked.video,
        "publish_data": asked.data,
    }
    given = {name: seconds for name, seconds in by_name.items() if seconds is not None}
    if not given:
        raise Refusal(Code.INVALID_FIELD, "must give at least one of join, audio, video and data", "privileges")
    if max(given.values()) > ttl:
        raise Refusal(Code.INVALID_FIELD, f"must not last longer than the token, which is {ttl} s", "privileges")
    return given
