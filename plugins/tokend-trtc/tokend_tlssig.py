"""The text form of TLSSig API v2, and the part of it for a room, which is called userbuf."""

import base64
import hmac
import json
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final, Literal

from tokend.plugins import ANY, Grant, Secret, Unreadable

BITS: Final = {
    "create_room": 1,
    "join": 2,
    "send_audio": 4,
    "receive_audio": 8,
    "send_video": 16,
    "receive_video": 32,
    "send_screen": 64,
    "receive_screen": 128,
}
"""privilegeMap of genPrivateMapKey."""
LARGEST: Final = 4_096
"""Bytes of a token's JSON, far more than the longest that is minted."""
_TO_TENCENT: Final = str.maketrans("+/=", "*-_")
_FROM_TENCENT: Final = str.maketrans("*-_", "+/=")


def userbuf_of(grant: Grant, issued_at: int, sdk_app_id: int) -> bytes | None:
    """The part for a room, as _genUserbuf of npm's package writes it. None without a room."""
    room = next((service for service in grant.services if service.name == "trtc" and service.channel is not ANY), None)
    if room is None:
        return None
    user, channel = str(room.user).encode(), str(room.channel).encode()
    bits = sum(BITS[name] for name in room.privileges)
    is_text = room.detail["room_type"] == "text"
    numbers = (sdk_app_id, 0 if is_text else int(channel), issued_at + grant.ttl, bits, 0)
    head = struct.pack(f">BH{len(user)}s5I", is_text, len(user), user, *numbers)
    return head + struct.pack(f">H{len(channel)}s", len(channel), channel) if is_text else head


def room_of(userbuf: bytes) -> tuple[str, Literal["text", "number"], int]:
    """Room, room_type and privilegeMap of a userbuf. `ValueError` or `struct.error` for other bytes."""
    version, length = struct.unpack_from(">BH", userbuf)
    number, _, bits = struct.unpack_from(">3I", userbuf, 3 + length + 4)
    if bits >= 256 or not bits & BITS["join"]:
        raise ValueError("unknown permissions")
    if version == 0:
        return str(number), "number", bits
    return userbuf[3 + length + 20 + 2 :].decode("ascii"), "text", bits


def signature(said: Mapping[str, Any], key: Secret) -> str:
    """HMAC-SHA256 over the values, in base64."""
    names = ("identifier", "sdkappid", "time", "expire", *(("userbuf",) if "TLS.userbuf" in said else ()))
    text = "".join(f"TLS.{name}:{said[f'TLS.{name}']}\n" for name in names)
    return base64.b64encode(hmac.digest(key.reveal().encode(), text.encode(), "sha256")).decode()


def packed(said: Mapping[str, Any], level: int = -1) -> str:
    """A token: JSON, zlib, and base64 with other signs. `level`: of zlib."""
    return base64.b64encode(zlib.compress(json.dumps(said).encode(), level)).decode().translate(_TO_TENCENT)


def unpacked(token: str) -> dict[str, Any]:
    """What a token says. `Unreadable` unless its JSON is written as `packed` writes it."""
    try:
        raw = base64.b64decode(token.translate(_FROM_TENCENT), validate=True)
        stream = zlib.decompressobj()
        text = stream.decompress(raw, LARGEST)
        said = json.loads(text)
        whole = stream.eof and not stream.unused_data and isinstance(said, dict) and json.dumps(said).encode() == text
    except (ValueError, RecursionError, zlib.error) as error:
        raise Unreadable("not a UserSig or PrivateMapKey") from error
    if not whole or re.search("[+/=]", token) or base64.b64encode(raw).decode().translate(_TO_TENCENT) != token:
        raise Unreadable("not written as a UserSig or PrivateMapKey is")
    return dict(said)
