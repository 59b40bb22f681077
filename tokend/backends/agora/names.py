"""Numbers in Agora's token formats and their names: services, privileges, resource types and permissions.

Source: the builders in the npm package agora-token 2.0.6 and in github.com/AgoraIO/Tools (DynamicKey/AgoraDynamicKey).
"""

from collections.abc import Mapping
from typing import Final

from tokend.core.reach import ADMINISTRATOR

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
