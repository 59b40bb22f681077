"""Random tokens for Tencent RTC, compared with PyPI's tls-sig-api-v2 1.1: equal texts for equal times, and read by inflating.

The content of a userbuf is written from the table of privilegeMap and the comments of genPrivateMapKey in npm's package.
"""

import json
import time
import zlib
from random import Random
from typing import Any, Final

from TLSSigAPIv2 import TLSSigAPIv2, base64_decode_url  # type: ignore[import-untyped]
from tokend_trtc import Trtc, TrtcFields, TrtcOptions

from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 1_000_000
SDK_APP_ID: Final = 1_400_000_000
KEY: Final = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
"""The example of Tencent's own README."""
_PERMISSIONS: Final = (
    *("create_room", "join", "send_audio", "receive_audio", "send_video", "receive_video"),
    *("send_screen", "receive_screen"),
)
_USER: Final = "abcXYZ0189_-"
_ROOM: Final = "abcXYZ0189 !#$%&()+-:;<=.>?@[]^_{}|~,"


def backend(**options: object) -> Trtc:
    """A backend with Tencent's example values."""
    usual = {"sdk_app_id": SDK_APP_ID, "secret_key": [Secret(KEY)], "advanced_permission_control": True}
    return Trtc(TrtcOptions.model_validate({**usual, **options}), AppCredentials(None, {}))


def fields_of(random: Random) -> dict[str, Any]:
    """The fields of a random token request."""
    fields: dict[str, Any] = {"user": "".join(random.choices(_USER, k=random.randint(1, 32)))}
    if random.random() < 0.2:
        return fields
    if random.random() < 0.5:
        fields |= {"room": str(random.randint(1, 4_294_967_294)), "room_type": "number"}
    else:
        fields["room"] = "".join(random.choices(_ROOM, k=random.randint(1, 64)))
    others = [name for name in _PERMISSIONS if name != "join"]
    return fields | {"permissions": ["join", *random.sample(others, random.randint(0, 7))]}


def privilege_map(fields: dict[str, Any]) -> int:
    """The first permission of the vendor's list is bit 1, the last bit 8."""
    return sum(1 << _PERMISSIONS.index(name) for name in fields["permissions"])


def userbuf_of(fields: dict[str, Any], ends_at: int) -> bytes:
    """Version, account, SDKAppID, number of the room, end, permissions, account type and text of the room: big-endian."""
    user: bytes = fields["user"].encode()
    room: bytes = fields["room"].encode()
    is_text = fields.get("room_type") != "number"
    numbers = (SDK_APP_ID, 0 if is_text else int(room), ends_at, privilege_map(fields), 0)
    head = (
        bytes((1 if is_text else 0,))
        + len(user).to_bytes(2)
        + user
        + b"".join(number.to_bytes(4) for number in numbers)
    )
    return head + len(room).to_bytes(2) + room if is_text else head


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that differ from those of the vendor. `count`: how many tokens are made."""
    random, found, ours, vendor = Random(seed), [], backend(), TLSSigAPIv2(SDK_APP_ID, KEY)
    made = 0
    while made < count:
        fields, ttl, issued_at = fields_of(random), random.randint(1, 180 * 86_400), int(time.time())
        userbuf = userbuf_of(fields, issued_at + ttl) if "room" in fields else None
        login = vendor.gen_sig(fields["user"], ttl)
        expected = login if userbuf is None else vendor.gen_sig_with_userbuf(fields["user"], ttl, userbuf)
        if int(time.time()) != issued_at:  # the vendor reads the clock itself
            continue
        made += 1
        grant = ours.grant(TrtcFields.model_validate(fields), ttl)
        minted = ours.mint(grant, Issuance(issued_at, random.getrandbits(128)))
        if (minted.token, minted.extra["user_sig"]) != (expected, login):
            found.append(f"{fields}: {minted}")
        said = json.loads(zlib.decompress(base64_decode_url(minted.token.encode())))
        named = (said["TLS.identifier"], said["TLS.sdkappid"], said["TLS.time"], said["TLS.expire"])
        if named != (fields["user"], SDK_APP_ID, issued_at, ttl):
            found.append(f"{fields}: {said}")
    return found
