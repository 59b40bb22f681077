"""AccessToken, version 006: what older servers and SDKs use. It holds checksums of channel and user, not the texts.

token     = "006" + app_id + base64( string(signature) + u32 crc32(channel) + u32 crc32(uid) + string(message) )
message   = u32 salt + u32 ts + map(privileges)          ts = issue time + 24 h; values are absolute Unix seconds
signature = HMAC-SHA256(certificate, app_id + channel + uid + message)
"""

import base64
import hmac
import zlib
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tokend.backends.agora.packing import Unpacker, WireError, from_base64, pack_bytes, pack_map, pack_u32

VERSION: Final = "006"
APP_ID_LENGTH: Final = 32
DAY: Final = 86_400
MAX_TOKEN: Final = 8 * 1024


class Content(Struct, frozen=True):
    """What a 006 token is made from: `issue_ts` and privilege values in absolute Unix seconds."""

    app_id: str
    channel: str
    uid: str
    issue_ts: int
    salt: int
    privileges: Mapping[int, int]


class Decoded(Struct, frozen=True):
    """What a 006 token shows: checksums stand for channel and uid. `message` is the signed part of it."""

    app_id: str
    issue_ts: int
    salt: int
    privileges: Mapping[int, int]
    channel_crc: int
    uid_crc: int
    signature: bytes
    message: bytes


def encode(content: Content, certificate: str) -> str:
    """The signed token text; `WireError` for what the format cannot hold."""
    if len(content.app_id) != APP_ID_LENGTH or not content.app_id.isascii():
        raise WireError("the App ID of the token is not 32 ASCII characters")
    channel, uid = _utf8(content.channel), _utf8(content.uid)
    message = pack_u32(content.salt) + pack_u32(content.issue_ts + DAY) + pack_map(content.privileges)
    signature = _sign(content.app_id, channel, uid, message, certificate)
    body = pack_bytes(signature) + pack_u32(zlib.crc32(channel)) + pack_u32(zlib.crc32(uid)) + pack_bytes(message)
    return VERSION + content.app_id + base64.b64encode(body).decode()


def decode(token: str) -> Decoded:
    """Take a token apart without trusting it; `WireError` for anything else, over 8 KiB, or with bytes left over."""
    if not token.startswith(VERSION):
        raise WireError("not a 006 token")
    if len(token) > MAX_TOKEN:
        raise WireError("longer than any token: over 8 KiB")
    head = len(VERSION) + APP_ID_LENGTH
    app_id = token[len(VERSION) : head]
    if not app_id.isascii():
        raise WireError("damaged: the App ID is not ASCII")
    body = Unpacker(from_base64(token[head:], after="the App ID"))
    signature, channel_crc, uid_crc, message = body.bytes_(), body.u32(), body.u32(), body.bytes_()
    inner = Unpacker(message)
    salt, ts, privileges = inner.u32(), inner.u32(), inner.map_()
    if body.rest or inner.rest or ts < DAY:
        raise WireError("damaged: the token holds something else than a 006 token does")
    return Decoded(app_id, ts - DAY, salt, privileges, channel_crc, uid_crc, signature, message)


def verifies(decoded: Decoded, certificate: str, channel: str, uid: str) -> bool:
    """Whether this certificate signed this token for this channel and uid, both checksums included."""
    raw_channel, raw_uid = _utf8(channel), _utf8(uid)
    expected = _sign(decoded.app_id, raw_channel, raw_uid, decoded.message, certificate)
    return (
        hmac.compare_digest(expected, decoded.signature)
        and zlib.crc32(raw_channel) == decoded.channel_crc
        and zlib.crc32(raw_uid) == decoded.uid_crc
    )


def crc(text: str) -> int:
    """The checksum that a token holds in a text's place; `WireError` for text that is not Unicode."""
    return zlib.crc32(_utf8(text))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise WireError("a text of the token is not valid Unicode") from error


def _sign(app_id: str, channel: bytes, uid: bytes, message: bytes, certificate: str) -> bytes:
    return hmac.digest(certificate.encode(), app_id.encode() + channel + uid + message, "sha256")
