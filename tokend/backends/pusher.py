"""The kind `pusher`: authorization of private, presence and encrypted channels, and sign-in of users. Also Soketi and Reverb.

An authorization is `KEY:SIGNATURE`; the signature is that of `SOCKET:CHANNEL[:DATA]` or `SOCKET::user::DATA` (pusher.com/docs,
"Generating authentication and authorization strings"). It is bound to a connection, so it never expires. The token is the
authorization, `:`, and the signed text.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

import msgspec.json
from pydantic import AfterValidator, Field, ValidationError, field_validator

from tokend.backends.contract import TIMES, Backend, Diagnosis, Join, Minted, Reading, Unreadable, VendorAnswers
from tokend.core import strict_json
from tokend.core.declarations import CONNECT, FREE, LISTEN, NEVER, PUBLISH, Capability, ServiceShape
from tokend.core.errors import ApiError, Code
from tokend.core.model import Grant, Issuance, Service
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, invalid, matching, satisfying

PRIVATE: Final = "private"
PRESENCE: Final = "presence"
USER: Final = "user"
ENCRYPTED: Final = "private-encrypted-"
MAX_USER_INFO: Final = 1024
"""Bytes of the JSON that the other members of a presence channel see (pusher.com/docs, "Presence channels")."""
MAX_WATCHLIST: Final = 100
"""Users on a watchlist (pusher.com/docs, "Watchlist events")."""
MAX_CHANNEL: Final = 200
"""Characters, as `validate_channel` of PyPI pusher 3.3.4 checks. Pusher's own servers take 164:
https://docs.bird.com/pusher/channels/channels/subscribing/what-does-the-error-invalid-channel-name-mean, also on characters."""
MAX_NAME: Final = 255
"""Characters. No documented limit: ours; `MAX_USER_INFO` bounds it too."""
_KEY_BYTES: Final = 32
"""As crypto.py of PyPI pusher 3.3.4 demands."""
_USER: Final = re.compile(r"[-a-zA-Z0-9_=@,.;]+")
# `validate_socket_id` of PyPI pusher 3.3.4; no documented length: ours
_SOCKET: Final = r"[0-9]{1,20}\.[0-9]{1,20}"
_TOKEN: Final = re.compile(rf"([!-9;-~]+):([0-9a-f]{{64}}):(({_SOCKET}):(?::user::(.+)|([^:]+)(?::(.+))?))", re.DOTALL)


# no documented limit: ours
_checked_key = matching("[!-9;-~]{1,100}", "must be 1 to 100 printable ASCII characters without a colon")


class KeyPair(StrictModel):
    """The key and secret of an app of the vendor."""

    key: Annotated[str, AfterValidator(_checked_key)] = Field(
        description="the app's key, which clients know", examples=["278d425bdf160c739803"]
    )
    secret: Secret = Field(description="the app's secret")


class PusherOptions(StrictModel):
    """What the configuration says about the vendor's app."""

    keys: list[KeyPair] = Field(min_length=1, description="key and secret of the app; the first signs, all verify")
    encryption_master_key: Secret | None = Field(
        default=None, description="for private-encrypted- channels: 32 bytes in base64. Default: none"
    )
    client_events: bool = Field(
        default=True, description="whether the app lets subscribers trigger events; if so, a subscriber is a publisher"
    )

    @field_validator("keys")
    @classmethod
    def _are_different(cls, keys: list[KeyPair]) -> list[KeyPair]:
        if len({pair.key for pair in keys}) < len(keys):
            raise invalid("hold the same key twice")
        if not all(pair.secret.reveal() for pair in keys):
            raise invalid("hold an empty secret")
        return keys

    @field_validator("encryption_master_key")
    @classmethod
    def _is_key(cls, secret: Secret | None) -> Secret | None:
        if secret is not None and len(_decoded(secret)) != _KEY_BYTES:
            raise invalid(f"must be {_KEY_BYTES} bytes in base64, as `openssl rand -base64 32` prints")
        return secret


def _decoded(secret: Secret) -> bytes:
    """The bytes of a key in base64; none if it is not base64."""
    try:
        return base64.b64decode(secret.reveal(), validate=True)
    except ValueError:
        return b""


_checked_socket = matching(_SOCKET, "must be two numbers with a dot between them, such as 1234.5678")
_checked_channel = matching(
    r"(private|presence)-[-a-zA-Z0-9_=@,.;]+",
    "must begin with private- or presence-, and hold A-Z a-z 0-9 _ - = @ , . ; only",
)


_checked_info = satisfying(lambda info: "name" not in info, "must not hold name: send it as the field name")


UserId = Annotated[str, Field(min_length=1, max_length=128)]
"""At most 128 characters (pusher.com/docs, "Presence channels")."""


class PusherFields(StrictModel):
    """A connection, and the channel that it subscribes to or `sign_in`."""

    socket_id: Annotated[str, AfterValidator(_checked_socket)] = Field(
        description="id that the server gave the connection", examples=["1234.5678"]
    )
    channel: Annotated[str, Field(max_length=MAX_CHANNEL), AfterValidator(_checked_channel)] | None = Field(
        default=None,
        description="a channel whose name begins with private- or presence-",
        examples=["presence-room-1"],
    )
    sign_in: bool = Field(default=False, description="sign the connection in as the user, in place of a channel")
    user: UserId | None = Field(
        default=None, description="the user of a presence channel or a sign-in", examples=["ann"]
    )
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME,
        description="name of the user, in user_info; private channels have none",
    )
    user_info: Annotated[dict[str, Any], AfterValidator(_checked_info)] | None = Field(
        default=None, description="what others see of the user"
    )
    watchlist: list[UserId] | None = Field(
        default=None, max_length=MAX_WATCHLIST, description="users of whom a sign-in learns when they are online"
    )


class Pusher(Backend):
    """Authorizations of one app of Pusher, Soketi or Laravel Reverb."""

    Options: ClassVar[type[StrictModel]] = PusherOptions
    Fields: ClassVar[type[StrictModel]] = PusherFields
    services: ClassVar = {
        PRIVATE: ServiceShape(user=NEVER),
        PRESENCE: ServiceShape(),
        USER: ServiceShape(channel=NEVER),
    }
    privileges: ClassVar = {"subscribe": LISTEN, "client_events": PUBLISH, "sign_in": CONNECT}
    details: ClassVar = {"socket_id": FREE, "name": FREE, "user_info": FREE, "watchlist": Capability("watchlist")}
    extras: ClassVar[tuple[str, ...]] = ("auth", "channel_data", "user_data", "shared_secret")
    wildcards: ClassVar[bool] = False
    expires: ClassVar[bool] = False
    example_token: ClassVar[str | None] = (
        "app-key:2f6070033e7130e58c41e0eb3234e6c0ef435f33fe9a6791c893f2fd2081f430:1234.5678:presence-room-1:"
        '{"user_id":"ann"}'
    )
    vendor: ClassVar[str | None] = "pusher"
    # https://docs.bird.com/pusher/channels/channels/troubleshooting on "Invalid signature"; the words on the key are in no
    # documentation: users quote them, as in issue 67 of github.com/voten-co/voten
    answers: ClassVar[VendorAnswers] = VendorAnswers(
        unsigned='The server answers "Invalid signature", or "Invalid key in subscription auth data" for another app\'s.'
    )
    product_names: ClassVar[Mapping[str, str]] = {
        PRIVATE: "private channels",
        PRESENCE: "presence channels",
        USER: "user authentication",
    }

    options: PusherOptions

    def names_user(self, fields: PusherFields) -> bool:
        """Whether no user of a rule is needed: it names one, or a private channel, which has none."""
        return fields.user is not None or (fields.channel or "").startswith(PRIVATE)

    def grant(self, fields: PusherFields, ttl: int, user: str | None = None) -> Grant:
        if fields.sign_in and fields.channel is not None:
            raise ApiError(Code.INVALID_FIELD, "cannot be combined with sign_in: send one of them", "channel")
        if not fields.sign_in and fields.channel is None:
            raise ApiError(Code.INVALID_FIELD, "is missing; to sign a user in, send sign_in: true", "channel")
        user = self._user_of(fields, user)
        if fields.watchlist is not None and not fields.sign_in:
            raise ApiError(Code.INVALID_FIELD, "belongs to sign_in", "watchlist")
        if user is None and fields.user_info is not None:
            raise ApiError(Code.INVALID_FIELD, "is for presence- channels only", "user_info")
        if (fields.channel or "").startswith(ENCRYPTED) and self.options.encryption_master_key is None:
            raise ApiError(Code.INVALID_FIELD, "is encrypted, and this app has no encryption_master_key", "channel")
        name = None if user is None else fields.name  # a rule may fill it in for a private channel, which has none
        info = fields.user_info if fields.user_info or name is None else None
        detail = {"name": name, "user_info": info, "watchlist": fields.watchlist}
        said = {name: value for name, value in detail.items() if value is not None}
        _check_info(said)
        return self._granted(fields.socket_id, fields.channel, user, said, ttl)

    def _user_of(self, fields: PusherFields, user: str | None) -> str | None:
        """The user of the request or the rule. None on a private channel, which has none."""
        user = fields.user if fields.user is not None else user
        if fields.channel is not None and fields.channel.startswith(PRIVATE):
            if fields.user is not None:
                raise ApiError(Code.INVALID_FIELD, "is for presence- channels only", "user")
            return None
        if user is None:
            raise ApiError(Code.INVALID_FIELD, "is missing", "user")
        # a user of a rule has not been checked before
        if not 1 <= len(user) <= 128 or not user.isprintable():
            raise ApiError(Code.INVALID_FIELD, "must be 1 to 128 characters that can be printed", "user")
        if fields.sign_in and _USER.fullmatch(user) is None:
            raise ApiError(Code.INVALID_FIELD, "must hold A-Z a-z 0-9 _ - = @ , . ; only, to sign in", "user")
        return user

    def _granted(
        self, socket_id: str, channel: str | None, user: str | None, said: Mapping[str, Any], seconds: int
    ) -> Grant:
        detail = {"socket_id": socket_id, **said}
        if channel is None:
            service = Service(USER, user or "", privileges={"sign_in": seconds}, detail=detail)
        else:
            privileges = {"subscribe": seconds}
            if self.options.client_events:  # also on encrypted channels: pusher-js forbids them there, Soketi does not
                privileges["client_events"] = seconds
            if user is None:
                service = Service(PRIVATE, channel=channel, privileges=privileges, detail=detail)
            else:
                service = Service(PRESENCE, user, channel, privileges, detail=detail)
        return Grant(None, "pusher", seconds, (service,))

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (service,) = grant.services
        text, data = _signed_text(service)
        pair = self.options.keys[0]
        auth = f"{pair.key}:{_signature(pair.secret, text)}"
        return Minted(f"{auth}:{text}", max(1, grant.ttl // 2), self._extra(auth, service, data))

    def _extra(self, auth: str, service: Service, data: str | None) -> Mapping[str, object]:
        """What a client sends to its server, and the secret of an encrypted channel, which it keeps."""
        extra: dict[str, object] = {"auth": auth}
        if data is not None:
            extra["user_data" if service.name == USER else "channel_data"] = data
        channel, master_key = service.channel, self.options.encryption_master_key
        if isinstance(channel, str) and channel.startswith(ENCRYPTED) and master_key is not None:
            digest = hashlib.sha256(channel.encode() + _decoded(master_key)).digest()
            extra["shared_secret"] = base64.b64encode(digest).decode()
        return extra

    def read(self, token: str) -> Reading:
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise Unreadable("not an authorization of Pusher with its text")
        key, signature, text, socket_id, user_data, channel, channel_data = match.groups()
        user, said = _said(user_data if channel is None else channel_data, signed_in=channel is None)
        try:
            fields = PusherFields.model_validate(
                {"socket_id": socket_id, "channel": channel, "sign_in": channel is None, "user": user, **said}
            )
            grant = self.grant(fields, 0)
        except (ValidationError, ApiError) as error:
            raise Unreadable("no request leads to this authorization") from error
        (service,) = grant.services
        written, data = _signed_text(service)
        if written != text:
            raise Unreadable("not written as this kind writes it")
        signer = self._signer(key, signature, text)
        return Reading(grant, signer, None, None, hidden=TIMES, extra=self._extra(f"{key}:{signature}", service, data))

    def _signer(self, key: str, signature: str, text: str) -> str | None:
        for index, pair in enumerate(self.options.keys):
            if pair.key == key and hmac.compare_digest(signature, _signature(pair.secret, text)):
                return f"keys[{index}]"
        return None

    def diagnose(self, reading: Reading, join: Join, now: int) -> Diagnosis:
        """Add for which connection it counts."""
        usual = super().diagnose(reading, join, now)
        socket_id = reading.grant.services[0].detail["socket_id"]
        note = f"It counts for the connection with the socket id {socket_id} only; after a reconnect a client needs another."
        return Diagnosis(usual.problems, (*usual.notes, note))


def _check_info(said: Mapping[str, Any]) -> None:
    """Raise `ApiError` (400) for details that cannot be written as JSON, or are too long."""
    shown = _shown(said)
    try:
        text = msgspec.json.encode(shown)
        same = strict_json.loads(text) == shown
    except (ValueError, TypeError, OverflowError, RecursionError):
        same = False
    if not same:
        raise ApiError(Code.INVALID_FIELD, "holds a number or a nesting that JSON cannot express", "user_info")
    if len(text) > MAX_USER_INFO:
        raise ApiError(Code.INVALID_FIELD, f"must be at most {MAX_USER_INFO} bytes as JSON, with the name", "user_info")


def _shown(detail: Mapping[str, Any]) -> dict[str, Any]:
    """What the others see of the user: the name, and `user_info`."""
    own = {"name": detail["name"]} if "name" in detail else {}
    return {**own, **detail.get("user_info", {})}


def _signed_text(service: Service) -> tuple[str, str | None]:
    """The text that is signed, and the JSON in it, or None."""
    detail = service.detail
    info = {"user_info": _shown(detail)} if "name" in detail or "user_info" in detail else {}
    if service.name == USER:
        watchlist = {"watchlist": detail["watchlist"]} if "watchlist" in detail else {}
        data = msgspec.json.encode({"id": service.user, **info, **watchlist}).decode()
        return f"{detail['socket_id']}::user::{data}", data
    if service.name == PRIVATE:
        return f"{detail['socket_id']}:{service.channel}", None
    data = msgspec.json.encode({"user_id": service.user, **info}).decode()
    return f"{detail['socket_id']}:{service.channel}:{data}", data


def _said(data: str | None, *, signed_in: bool) -> tuple[object, Mapping[str, object]]:
    """The user and the fields in the JSON of a signed text. What is wrong with it, the model of the fields says."""
    if data is None:
        return None, {}
    try:
        said = strict_json.loads(data.encode())
    except ValueError as error:
        raise Unreadable("its data is no JSON") from error
    if not isinstance(said, dict):
        raise Unreadable("its data is no JSON object")
    user = said.pop("id" if signed_in else "user_id", None)
    info = said.pop("user_info", None)
    if isinstance(info, dict):
        own = {"name": info.pop("name")} if "name" in info else {}
        return user, {**said, **own, **({"user_info": info} if info or not own else {})}
    return user, said if info is None else {**said, "user_info": info}


def _signature(secret: Secret, text: str) -> str:
    return hmac.digest(secret.reveal().encode(), text.encode(), "sha256").hex()
