"""UserSig and PrivateMapKey of Tencent RTC: TLSSig API v2, as in PyPI's tls-sig-api-v2 1.1 and npm's tls-sig-api-v2 1.0.2."""

import base64
import hmac
import re
import struct
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, Field
from tokend_tlssig import BITS, packed, room_of, signature, unpacked, userbuf_of

from tokend.plugins import (
    ADMIN,
    ANY,
    CONNECT,
    FREE,
    LISTEN,
    NEVER,
    PUBLISH,
    ApiError,
    Backend,
    Capability,
    Code,
    Grant,
    Issuance,
    Minted,
    Reading,
    Secret,
    SecretList,
    Service,
    ServiceShape,
    StrictModel,
    Unreadable,
    VendorAnswers,
    invalid,
    matching_id,
)

USER: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""genUserSig of npm's package: at most 32 bytes."""
TEXT_ROOM: Final = re.compile(r"[A-Za-z0-9 !#$%&()+:;<=.>?@\[\]^_{}|~,-]{1,64}")
"""strRoomId of TRTCParams, tencent_rtc_sdk 12.3 on pub.dev: at most 64 bytes of 89 characters."""
NUMBER_ROOM: Final = re.compile(r"[1-9][0-9]{0,9}")
LAST_NUMBER: Final = 4_294_967_294
"""roomId of TRTCParams: 1 to this."""
END_OF_TIME: Final = 1 << 32
"""Unix seconds. Times and the SDKAppID have 32 bits in the userbuf (`_genUserbuf` of npm's package)."""

Permission = Literal[
    "create_room", "join", "send_audio", "receive_audio", "send_video", "receive_video", "send_screen", "receive_screen"
]


def application_keys(keys: SecretList) -> SecretList:
    """Check the form of SecretKeys: the public key of the older API is no such text. No documented length: ours."""
    if any(re.fullmatch("[!-~]{32,128}", key.reveal()) is None for key in keys):
        raise invalid("must be the SecretKey of the application: 32 to 128 characters without spaces")
    return keys


class TrtcOptions(StrictModel):
    """What the configuration says below `backends: {trtc: …}`."""

    sdk_app_id: int = Field(ge=1, lt=1 << 32, description="SDKAppID of the console", examples=[1400000000])
    secret_key: Annotated[SecretList, AfterValidator(application_keys)] = Field(
        description="SecretKey of the console, or a list: the first signs, all verify"
    )
    advanced_permission_control: bool = Field(
        default=False, description="whether the console has it on, so that rooms need a key"
    )
    administrators: list[str] = Field(
        default=["administrator"],
        description="users that administer Tencent Chat. Default: [administrator]",
        examples=[["admin-1"]],
    )


class TrtcFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`."""

    user: str | None = Field(default=None, description="the userId", examples=["ann"])
    room: str | None = Field(default=None, description="the room; without it, the token is a UserSig")
    room_type: Literal["text", "number"] = Field(default="text", description="whether the room is strRoomId or roomId")
    permissions: list[Permission] | None = Field(
        default=None, description="what the user may do in the room; without it, join and receive"
    )


class Trtc(Backend):
    """The kind `trtc`. A token is a PrivateMapKey if a room is requested, and else a UserSig."""

    Options: ClassVar[type[StrictModel]] = TrtcOptions
    Fields: ClassVar[type[StrictModel]] = TrtcFields
    services: ClassVar = {"trtc_login": ServiceShape(channel=NEVER), "trtc": ServiceShape()}
    privileges: ClassVar = {
        "login": CONNECT,
        "administer": ADMIN,
        **{name: PUBLISH if name.startswith("send") else LISTEN for name in BITS},
        "create_room": Capability("create_room"),
    }
    details: ClassVar = {"room_type": FREE}
    extras: ClassVar = ("sdk_app_id", "user_sig")
    wildcards: ClassVar = False  # no id may contain `*`
    product_names: ClassVar = {"trtc_login": "the login to Tencent RTC and Chat", "trtc": "rooms of Tencent RTC"}
    # https://web.sdk.qcloud.com/trtc/webrtc/doc/en/module-ErrorCode.html
    answers: ClassVar = VendorAnswers(
        unsigned="The SDK reports 70003 to 70009, or 70014 for another SDKAppID: userSig verification failed.",
        expired="The SDK reports 70001: userSig has expired.",
        other="The SDK reports 70013 for another userId, and no permission for another room.",
    )

    def grant(self, fields: TrtcFields, ttl: int, user: str | None = None) -> Grant:
        """State what the token would give. A UserSig enters every room, unless the console demands a PrivateMapKey."""
        user = fields.user if fields.user is not None else user
        user = matching_id("user", user, USER, "1 to 32 of A-Z a-z 0-9 _ and -")
        check_room(fields, self.options.advanced_permission_control)
        names = (
            BITS
            if fields.room is None
            else fields.permissions or ("join", "receive_audio", "receive_video", "receive_screen")
        )
        return self.granted(user, fields.room, fields.room_type, sum(BITS[name] for name in set(names)), ttl)

    def granted(self, user: str, room: str | None, room_type: str, bits: int, ttl: int) -> Grant:
        """The grant for these permissions. `bits`: the privilegeMap."""
        login = ["login", "administer"] if user in self.options.administrators else ["login"]
        services = [Service("trtc_login", user, privileges=dict.fromkeys(login, ttl))]
        if room is not None or not self.options.advanced_permission_control:
            names = [name for name, bit in BITS.items() if bits & bit]
            channel, detail = (ANY, {}) if room is None else (room, {"room_type": room_type})
            services.append(Service("trtc", user, channel, dict.fromkeys(names, ttl), detail=detail))
        return Grant(None, "TLSSig 2.0", ttl, tuple(services))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        """Sign a token. It is due for renewal after half of its lifetime."""
        user, issued_at = str(grant.services[0].user), issuance.issued_at
        userbuf = userbuf_of(grant, issued_at, self.options.sdk_app_id)
        first = self.options.secret_key.first
        token = packed(self.said(user, issued_at, grant.ttl, userbuf, first))
        return Minted(token, grant.ttl // 2, self.beside(user, issued_at, grant.ttl, first))

    def beside(self, user: str, issued_at: int, ttl: int, key: Secret) -> Mapping[str, object]:
        """What a client needs beside the token: the SDKAppID, and a UserSig of the same time."""
        return {"sdk_app_id": self.options.sdk_app_id, "user_sig": packed(self.said(user, issued_at, ttl, None, key))}

    def said(self, user: str, issued_at: int, ttl: int, userbuf: bytes | None, key: Secret) -> dict[str, Any]:
        """What a token says, signed with this key."""
        values = {"TLS.ver": "2.0", "TLS.identifier": user, "TLS.sdkappid": self.options.sdk_app_id}
        values |= {"TLS.expire": ttl, "TLS.time": issued_at}
        if userbuf is not None:
            values["TLS.userbuf"] = base64.b64encode(userbuf).decode()
        return {**values, "TLS.sig": signature(values, key)}

    def read(self, token: str) -> Reading:
        """Parse any text. What `mint` would not write is unreadable: it might give more than is understood."""
        said = unpacked(token)
        try:
            user, ttl, issued_at, sdk_app_id = (
                said[f"TLS.{name}"] for name in ("identifier", "expire", "time", "sdkappid")
            )
            room, room_type, bits = None, "text", sum(BITS.values())
            if "TLS.userbuf" in said:
                room, room_type, bits = room_of(base64.b64decode(said["TLS.userbuf"]))
                check_room(TrtcFields(room=room, room_type=room_type), True)
            if USER.fullmatch(user) is None or {type(number) for number in (ttl, issued_at, sdk_app_id)} != {int}:
                raise Unreadable("not a UserSig or PrivateMapKey")
            if min(ttl, issued_at + 1, sdk_app_id) < 1 or issued_at + ttl >= END_OF_TIME:
                raise Unreadable("it ends before it begins, or after the time that the format can say")
            grant = self.granted(user, room, room_type, bits, ttl)
            userbuf = userbuf_of(grant, issued_at, sdk_app_id)
            ours = sdk_app_id == self.options.sdk_app_id
            number, key = self.signer(said) if ours else (None, self.options.secret_key.first)
            as_ours = self.said(user, issued_at, ttl, userbuf, key) | {
                "TLS.sdkappid": sdk_app_id,
                "TLS.sig": said["TLS.sig"],
            }
        except (KeyError, TypeError, ValueError, struct.error, ApiError) as error:
            raise Unreadable("not a UserSig or PrivateMapKey") from error
        if packed(as_ours, level=0) != packed(said, level=0):
            raise Unreadable("it says more than a UserSig or PrivateMapKey of tokend")
        signed_by = None if number is None else f"secret_key[{number}]"
        return Reading(grant, signed_by, issued_at, issued_at + ttl, extra=self.beside(user, issued_at, ttl, key))

    def signer(self, said: Mapping[str, Any]) -> tuple[int | None, Secret]:
        """Number and secret of the key that signed a token; None and the first secret if none did."""
        for number, key in enumerate(self.options.secret_key):
            if hmac.compare_digest(signature(said, key).encode(), str(said["TLS.sig"]).encode()):
                return number, key
        return None, self.options.secret_key.first


def check_room(fields: TrtcFields, rooms_need_a_key: bool) -> None:
    """`ApiError` for a room that TRTC does not know, or for fields that do not go with one."""
    room, field, sentence = fields.room, "room", ""
    if room is None:
        if fields.permissions is not None or fields.room_type != "text":
            field, sentence = "room", "is missing: permissions and room_type need it"
    elif not rooms_need_a_key:
        sentence = "needs advanced_permission_control: true in the configuration and the console, as a UserSig enters every room"
    elif fields.room_type == "text" and TEXT_ROOM.fullmatch(room) is None:
        sentence = "must be 1 to 64 of A-Z a-z 0-9, space and !#$%&()+-:;<=.>?@[]^_{}|~,"
    elif fields.room_type == "number" and (NUMBER_ROOM.fullmatch(room) is None or int(room) > LAST_NUMBER):
        sentence = f"must be 1 to {LAST_NUMBER}, as room_type is number"
    elif fields.permissions is not None and "join" not in fields.permissions:
        field, sentence = "permissions", "must have join"
    if sentence:
        raise ApiError(Code.INVALID_FIELD, sentence, field)
