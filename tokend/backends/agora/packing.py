"""The little-endian building blocks of the vendor's formats: u16, u32, i16, string and map, with their limits; base64.

The same packing in 006 and 007, as the vendor's published builders write it.
Lengths are checked here and nowhere else: a length that wraps would forge services of the attacker's choice.
"""

import binascii
import struct
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from typing import Final

MAX_U16: Final = 0xFFFF
MAX_U32: Final = 0xFFFF_FFFF

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I16 = struct.Struct("<h")
_PAIR = struct.Struct("<HI")
_TOO_EARLY: Final = "the token ends too early"


class WireError(ValueError):
    """Fields that the format cannot hold, or bytes that are not of the format. Its text never shows the bytes."""


def pack_u16(number: int) -> bytes:
    """Two bytes; `WireError` outside 0..65535."""
    try:
        return _U16.pack(number)
    except struct.error as error:
        raise WireError("a 16-bit number of the token is out of range") from error


def pack_u32(number: int) -> bytes:
    """Four bytes; `WireError` outside 0..2^32-1."""
    try:
        return _U32.pack(number)
    except struct.error as error:
        raise WireError("a 32-bit number of the token is out of range") from error


def pack_i16(number: int) -> bytes:
    """Two bytes, signed; `WireError` outside -32768..32767."""
    try:
        return _I16.pack(number)
    except struct.error as error:
        raise WireError("a signed 16-bit number of the token is out of range") from error


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
    try:
        return _map_of(len(pairs)).pack(len(pairs), *chain.from_iterable(sorted(pairs.items())))
    except struct.error as error:
        raise WireError("a privilege of the token is out of range") from error


@lru_cache(maxsize=64)
def _map_of(count: int) -> struct.Struct:
    return struct.Struct("<H" + "HI" * count)


def pack_numbers(form: struct.Struct, *numbers: int) -> bytes:
    """Several numbers at once; `WireError` where one does not fit the form."""
    try:
        return form.pack(*numbers)
    except struct.error as error:
        raise WireError("a number of the token is out of range") from error


def to_base64(raw: bytes) -> str:
    """As builders write it: with padding, on one line."""
    return binascii.b2a_base64(raw, newline=False).decode()


def from_base64(text: str, after: str) -> bytes:
    """Bytes of base64 as builders write it; `WireError` for all else, other spellings of the same bytes included."""
    try:
        written = text.encode("ascii")
        raw = binascii.a2b_base64(written, strict_mode=True)
        # how much padding and which spare bits are let through differs between versions of Python
        if binascii.b2a_base64(raw, newline=False) == written:
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
        data, begin = self._data, self._at + 2
        try:
            end = begin + _U16.unpack_from(data, self._at)[0]
        except struct.error as error:
            raise WireError(_TOO_EARLY) from error
        if end > len(data):
            raise WireError(_TOO_EARLY)
        self._at = end
        return data[begin:end]

    def string(self) -> str:
        """A length-prefixed text; `WireError` unless it is UTF-8."""
        try:
            return self.bytes_().decode()
        except UnicodeDecodeError as error:
            raise WireError("a text of the token is not UTF-8") from error

    def u16(self) -> int:
        return int(self.numbers(_U16)[0])

    def u32(self) -> int:
        return int(self.numbers(_U32)[0])

    def i16(self) -> int:
        return int(self.numbers(_I16)[0])

    def numbers(self, form: struct.Struct) -> tuple[int, ...]:
        """Several numbers at once."""
        try:
            found = form.unpack_from(self._data, self._at)
        except struct.error as error:
            raise WireError(_TOO_EARLY) from error
        self._at += form.size
        return found

    def map_(self) -> dict[int, int]:
        """Keys and values; `WireError` for a key that stands twice."""
        count = self.u16()
        end = self._at + count * _PAIR.size
        if end > len(self._data):
            raise WireError(_TOO_EARLY)
        pairs = dict(_PAIR.iter_unpack(self._data[self._at : end]))
        if len(pairs) < count:
            raise WireError("a privilege stands twice in the token")
        self._at = end
        return pairs
