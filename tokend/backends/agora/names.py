"""Numbers in Agora's token formats and their names: services, privileges, resource types and permissions.

Source: the builders in the npm package agora-token 2.0.6 and in github.com/AgoraIO/Tools (DynamicKey/AgoraDynamicKey).
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from tokend.core.declarations import (
    ADMIN,
    CONNECT,
    FREE,
    LISTEN,
    NEVER,
    OPTIONAL,
    PUBLISH,
    REQUIRED,
    Capability,
    Freedom,
    Meaning,
    ServiceShape,
)

ADMINISTRATOR: Final = "app"
"""The privilege that administers Chat or a classroom through the REST API."""
SERVICE_TYPES: Final[Mapping[str, int]] = {
    "rtc": 1,
    "rtm": 2,
    "streaming": 3,
    "fpa": 4,
    "chat": 5,
    "fcdn": 6,
    "apaas": 7,
    "rtm2": 8,
    "convoai": 9,
    "stt": 10,
}
SERVICE_NAMES: Final = {number: name for name, number in SERVICE_TYPES.items()}
PRIVILEGES: Final[Mapping[str, Mapping[str, int]]] = {
    "rtc": {"join": 1, "publish_audio": 2, "publish_video": 3, "publish_data": 4},
    "rtm": {"login": 1},
    "streaming": {"publish_mixed": 1, "publish_raw": 2},
    "fpa": {"login": 1},
    "chat": {"user": 1, ADMINISTRATOR: 2},
    "fcdn": {"publish": 1, "play": 2},
    "apaas": {"room_user": 1, "user": 2, ADMINISTRATOR: 3},
    "rtm2": {"login": 1},
    "convoai": {},
    "stt": {},
}
TEACHER: Final = "room_teacher"
ASSISTANT: Final = "room_assistant"
STUDENT: Final = "room_user"
OTHER_ROLE: Final = "room_other_role"
ROOM_ROLES: Final[Mapping[int, str]] = {-1: STUDENT, 1: TEACHER, 2: STUDENT, 3: ASSISTANT}
"""The privilege of a classroom's user, by the number of the role. Any other number is OTHER_ROLE."""
READ: Final = "read"
WRITE: Final = "write"
MEANINGS: Final[Mapping[str, Meaning]] = {
    "join": LISTEN,
    "publish_audio": PUBLISH,
    "publish_video": PUBLISH,
    "publish_data": PUBLISH,
    "publish_mixed": PUBLISH,
    "publish_raw": PUBLISH,
    "publish": PUBLISH,
    "play": LISTEN,
    "login": CONNECT,
    "user": CONNECT,
    STUDENT: LISTEN,
    TEACHER: PUBLISH,
    ASSISTANT: PUBLISH,
    OTHER_ROLE: Capability("classroom_role"),
    READ: LISTEN,
    WRITE: PUBLISH,
    ADMINISTRATOR: ADMIN,
}
"""What each privilege means to the rules. A teacher and an assistant publish; so does who writes with RTM2."""
_SHAPES: Final[Mapping[str, ServiceShape]] = {
    "rtc": ServiceShape(REQUIRED, REQUIRED),
    "rtm": ServiceShape(REQUIRED, NEVER),
    "streaming": ServiceShape(REQUIRED, REQUIRED),
    "fpa": ServiceShape(NEVER, NEVER),
    "chat": ServiceShape(OPTIONAL, NEVER),
    "fcdn": ServiceShape(REQUIRED, REQUIRED),
    "apaas": ServiceShape(OPTIONAL, OPTIONAL),
    "rtm2": ServiceShape(REQUIRED, NEVER),
    "convoai": ServiceShape(NEVER, NEVER),
    "stt": ServiceShape(NEVER, NEVER),
}
"""Which services have a user and a channel. Tokens that administer Chat or a classroom have neither."""


def shapes(own: str | None, *others: str) -> Mapping[str, ServiceShape]:
    """Return the services of a kind: its own, and others. A rule must list the kinds of the others, too."""
    shared = {name: replace(_SHAPES[name], kind=name) for name in others}
    return shared if own is None else {own: _SHAPES[own], **shared}


DETAILS: Final[Mapping[str, Mapping[str, Freedom]]] = {"apaas": {"role": FREE}, "rtm2": {"permissions": FREE}}
"""Details by service. Privileges and further channels and users repeat them in terms of rules."""
FURTHER_PRIVILEGES: Final[Mapping[str, tuple[str, ...]]] = {
    "apaas": (TEACHER, ASSISTANT, OTHER_ROLE),
    "rtm2": (READ, WRITE),
}
"""Privileges that differ in the token by the role number (apaas), or that permissions give (rtm2)."""
ENCODED_PRIVILEGES: Final[Mapping[str, Mapping[str, int]]] = {
    **PRIVILEGES,
    "apaas": {**PRIVILEGES["apaas"], **dict.fromkeys(FURTHER_PRIVILEGES["apaas"], PRIVILEGES["apaas"][STUDENT])},
}
"""The number of each privilege in the token. Every role in a classroom has the same; the role number differs."""
PRIVILEGE_NAMES: Final = {
    name: {number: privilege for privilege, number in numbers.items()} for name, numbers in PRIVILEGES.items()
}
RTM_LOGIN_006: Final = 1000
NO_ROLE: Final = -1
"""The role number of an APaaS service without a role."""
REST_SERVICES: Final = frozenset({"convoai", "stt"})
"""Services for REST calls. Agora accepts only tokens signed by the primary certificate there."""
RESOURCE_TYPES: Final = ("message_channels", "stream_channels", "group_channels", "server_groups", "users")
PERMISSIONS: Final = ("read", "write")
"""Resource types and permissions of RTM2. The index of a name is its number in the token."""
PRODUCT_NAMES: Final = {"rtc": "RTC", "rtm": "RTM (Signaling)", "chat": "Chat"}
"""Product names that people know, by service."""

Permissions = Mapping[str, Mapping[str, tuple[str, ...]]]
"""RTM2: resource type -> permission -> names of resources."""
