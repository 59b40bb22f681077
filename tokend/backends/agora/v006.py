"""AccessToken, version 006: the format of older servers and SDKs. It contains checksums of channel and user.

token     = "006" + app_id + base64( string(signature) + u32 crc32(channel) + u32 crc32(uid) + string(message) )
message   = u32 salt + u32 ts + map(privileges)          ts = issue time + 24 h; values are absolute Unix seconds
signature = HMAC-SHA256(certificate, app_id + channel + uid + message)

Source: the npm package agora-access-token 2.0.4. Integers are little-endian.
"""

import hmac
import zlib
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tokend.backends.agora.packing import Unpacker, WireError, from_base64, pack_bytes, pack_map, pack_u32, to_base64

VERSION: Final = "006"
APP_ID_LENGTH: Final = 32
DAY: Final = 86_400
"""Seconds. Agora ends every token 24 hours after its issue."""
MAX_TOKEN: Final = 8 * 1024
"""Characters of the longest token text that is read."""


class Content(Struct, frozen=True):
    """The content of a 006 token. `issue_ts` and the values of privileges are in Unix seconds."""

    app_id: str
    channel: str
    uid: str
    issue_ts: int
    salt: int
    privileges: Mapping[int, int]


class Decoded(Struct, frozen=True):
    """A decoded 006 token, with the CRC-32 of channel and uid. `message` is the signed part that the token contains."""

    app_id: str
    issue_ts: int
    salt: int
    privileges: Mapping[int, int]
    channel_crc: int
    uid_crc: int
    signature: bytes
    message: bytes


def encode(content: Content, certificate: str) -> str:
    """Return the signed token. Raises `WireError` if the format cannot encode the content."""
    if len(content.app_id) != APP_ID_LENGTH or not content.app_id.isascii():
        raise WireError("the App ID of the token is not 32 ASCII characters")
    channel, uid = _utf8(content.channel), _utf8(content.uid)
    message = pack_u32(content.salt) + pack_u32(content.issue_ts + DAY) + pack_map(content.privileges)
    signature = _sign(content.app_id, channel, uid, message, certificate)
    body = pack_bytes(signature) + pack_u32(zlib.crc32(channel)) + pack_u32(zlib.crc32(uid)) + pack_bytes(message)
    return VERSION + content.app_id + to_base64(body)


def decode(token: str) -> Decoded:
    """Decode a token without verifying it. Raises `WireError` for other text, over 8 KiB, or extra bytes."""
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
    if ts < DAY:
        raise WireError(
            f"its time is {ts}: 006 expects a point in time there, the issue time plus 24 hours in Unix seconds"
        )
    if body.rest or inner.rest:
        raise WireError("damaged: the token holds something else than a 006 token does")
    return Decoded(app_id, ts - DAY, salt, privileges, channel_crc, uid_crc, signature, message)


def verifies(decoded: Decoded, certificate: str, channel: str, uid: str) -> bool:
    """Return whether the certificate signed the token for this channel and uid, and both checksums are right."""
    raw_channel, raw_uid = _utf8(channel), _utf8(uid)
    expected = _sign(decoded.app_id, raw_channel, raw_uid, decoded.message, certificate)
    return (
        hmac.compare_digest(expected, decoded.signature)
        and zlib.crc32(raw_channel) == decoded.channel_crc
        and zlib.crc32(raw_uid) == decoded.uid_crc
    )


def crc(text: str) -> int:
    """Return the checksum of a text that a token contains. Raises `WireError` if the text is not valid Unicode."""
    return zlib.crc32(_utf8(text))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise WireError("a text of the token is not valid Unicode") from error


def _sign(app_id: str, channel: bytes, uid: bytes, message: bytes, certificate: str) -> bytes:
    return hmac.digest(certificate.encode(), app_id.encode() + channel + uid + message, "sha256")
