"""Numbers in Agora's token formats and their names: services, privileges, resource types and permissions.

Source: the builders in the npm package agora-token 2.0.6 and in github.com/AgoraIO/Tools (DynamicKey/AgoraDynamicKey).
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
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


class _Format(Struct, frozen=True):
    """A service in a token: its number, whether it has a user and a channel, and the numbers of its privileges."""

    type: int
    shape: ServiceShape
    privileges: Mapping[str, int]


_FORMATS: Final[Mapping[str, _Format]] = {
    "rtc": _Format(
        1,
        ServiceShape(REQUIRED, REQUIRED),
        {"join": 1, "publish_audio": 2, "publish_video": 3, "publish_data": 4},
    ),
    "rtm": _Format(2, ServiceShape(REQUIRED, NEVER), {"login": 1}),
    "streaming": _Format(3, ServiceShape(REQUIRED, REQUIRED), {"publish_mixed": 1, "publish_raw": 2}),
    "fpa": _Format(4, ServiceShape(NEVER, NEVER), {"login": 1}),
    "chat": _Format(5, ServiceShape(OPTIONAL, NEVER), {"user": 1, ADMINISTRATOR: 2}),
    "fcdn": _Format(6, ServiceShape(REQUIRED, REQUIRED), {"publish": 1, "play": 2}),
    "apaas": _Format(7, ServiceShape(OPTIONAL, OPTIONAL), {"room_user": 1, "user": 2, ADMINISTRATOR: 3}),
    "rtm2": _Format(8, ServiceShape(REQUIRED, NEVER), {"login": 1}),
    "convoai": _Format(9, ServiceShape(NEVER, NEVER), {}),
    "stt": _Format(10, ServiceShape(NEVER, NEVER), {}),
}
"""The services. Tokens that administer Chat or a classroom have neither user nor channel."""
SERVICE_TYPES: Final = {name: service.type for name, service in _FORMATS.items()}
SERVICE_NAMES: Final = {service.type: name for name, service in _FORMATS.items()}
PRIVILEGES: Final = {name: service.privileges for name, service in _FORMATS.items()}
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


def shapes(own: str | None, *others: str) -> Mapping[str, ServiceShape]:
    """Return the services of a kind: its own, and others. A rule must list the kinds of the others, too."""
    shared = {name: replace(_FORMATS[name].shape, kind=name) for name in others}
    return shared if own is None else {own: _FORMATS[own].shape, **shared}


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
