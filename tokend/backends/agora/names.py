"""The numbers of the vendor's formats and what we call them: services, privileges, RTM2's resources and permissions."""

from collections.abc import Mapping
from typing import Final

from tokend.core.reach import ADMINISTRATOR

TYPES: Final[Mapping[str, int]] = {
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
NAMES: Final = {number: name for name, number in TYPES.items()}
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
"""What an APaaS service says where it has no role."""
REST: Final = frozenset({"convoai", "stt"})
"""Services of the vendor's REST calls, which take the primary certificate alone (F17)."""
RESOURCE_TYPES: Final = ("message_channels", "stream_channels", "group_channels", "server_groups", "users")
ACCESS: Final = ("read", "write")
"""RTM2's resource types and permissions, each in the order of its number on the wire."""

Permissions = Mapping[str, Mapping[str, tuple[str, ...]]]
"""RTM2 resource type -> read or write -> names of resources."""
