"""The little-endian building blocks of the vendor's formats: u16, u32, i16, string and map, with their limits; base64.

The same packing in 006 and 007, as the vendor's published builders write it.
Lengths are checked here and nowhere else: a length that wraps would forge services of the attacker's choice.
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from typing import Final

MAX_U16: Final = 0xFFFF
MAX_U32: Final = 0xFFFF_FFFF

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I16 = struct.Struct("<h")
_PAIR = struct.Struct("<HI")


class WireError(ValueError):
    """Fields that the format cannot hold, or bytes that are not of the format. Its text never shows the bytes."""


def pack_u16(number: int) -> bytes:
    """Two bytes; `WireError` outside 0..65535."""
    if not 0 <= number <= MAX_U16:
        raise WireError("a 16-bit number of the token is out of range")
    return _U16.pack(number)


def pack_u32(number: int) -> bytes:
    """Four bytes; `WireError` outside 0..2^32-1."""
    if not 0 <= number <= MAX_U32:
        raise WireError("a 32-bit number of the token is out of range")
    return _U32.pack(number)


def pack_i16(number: int) -> bytes:
    """Two bytes, signed; `WireError` outside -32768..32767."""
    if not -0x8000 <= number <= 0x7FFF:
        raise WireError("a signed 16-bit number of the token is out of range")
    return _I16.pack(number)


def pack_bytes(raw: bytes) -> bytes:
    """A 16-bit length and the bytes; `WireError` over 65,535 bytes."""
    if len(raw) > MAX_U16:
        raise WireError("a text of the token is longer than 65,535 bytes")
    return _U16.pack(len(raw)) + raw


def pack_string(text: str) -> bytes:
    """Text as UTF-8 with its byte length; `WireError` over 65,535 bytes or for a lone surrogate."""
    try:
        return pack_bytes(text.encode())
    except UnicodeEncodeError as error:
        raise WireError("a text of the token is not valid Unicode") from error


def pack_map(pairs: Mapping[int, int]) -> bytes:
    """A count, then key (u16) and value (u32) in ascending order of the keys."""
    packed = [pack_u16(len(pairs))]
    for key in sorted(pairs):
        value = pairs[key]
        if not (0 <= key <= MAX_U16 and 0 <= value <= MAX_U32):
            raise WireError("a privilege of the token is out of range")
        packed.append(_PAIR.pack(key, value))
    return b"".join(packed)


def from_base64(text: str, after: str) -> bytes:
    """Bytes of base64 as builders write it; `WireError` for all else, other spellings of the same bytes included."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
        # how much padding and which spare bits b64decode lets through differs between versions of Python
        if base64.b64encode(raw).decode() == text:
            return raw
    except (binascii.Error, UnicodeEncodeError) as error:
        raise WireError(f"damaged: what follows {after} is not base64") from error
    raise WireError(f"damaged: what follows {after} is not base64")


class Unpacker:
    """Reads the same blocks off `data`, front to back; `WireError` when it ends too early."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def rest(self) -> bytes:
        """What has not been read yet."""
        return self._data[self._at :]

    def bytes_(self) -> bytes:
        """A length-prefixed piece."""
        return self._take(self.u16())

    def string(self) -> str:
        """A length-prefixed text; `WireError` unless it is UTF-8."""
        try:
            return self.bytes_().decode()
        except UnicodeDecodeError as error:
            raise WireError("a text of the token is not UTF-8") from error

    def u16(self) -> int:
        return int(_U16.unpack(self._take(2))[0])

    def u32(self) -> int:
        return int(_U32.unpack(self._take(4))[0])

    def i16(self) -> int:
        return int(_I16.unpack(self._take(2))[0])

    def map_(self) -> dict[int, int]:
        """Keys and values; `WireError` for a key that stands twice."""
        pairs: dict[int, int] = {}
        for _ in range(self.u16()):
            key, value = _PAIR.unpack(self._take(6))
            if key in pairs:
                raise WireError("a privilege stands twice in the token")
            pairs[key] = value
        return pairs

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise WireError("the token ends too early")
        piece = self._data[self._at : end]
        self._at = end
        return piece
