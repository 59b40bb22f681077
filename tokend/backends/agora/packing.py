"""Binary encoding of Agora's token formats 006 and 007: little-endian integers, strings and maps; base64.

Source: the builders in the npm package agora-token 2.0.6. A length has 16 bits. This module rejects longer texts:
a length that overflows would let an attacker forge services.
"""

import binascii
import re
import struct
from collections.abc import Mapping
from itertools import chain
from typing import Final

MAX_U16: Final = 0xFFFF
MAX_U32: Final = 0xFFFF_FFFF

_U16: Final = "<H"
_U32: Final = "<I"
_I16: Final = "<h"
_PAIR: Final = struct.Struct("<HI")
_TOO_EARLY: Final = "the token ends too early"


class WireError(ValueError):
    """The format cannot encode a value, or bytes are not of the format. The message never contains the bytes."""


def pack_u16(number: int) -> bytes:
    """Encode an unsigned 16-bit integer. Raises `WireError` outside 0..65535."""
    return pack_numbers(_U16, number)


def pack_u32(number: int) -> bytes:
    """Encode an unsigned 32-bit integer. Raises `WireError` outside 0..2^32-1."""
    return pack_numbers(_U32, number)


def pack_i16(number: int) -> bytes:
    """Encode a signed 16-bit integer. Raises `WireError` outside -32768..32767."""
    return pack_numbers(_I16, number)


def pack_bytes(raw: bytes) -> bytes:
    """Encode bytes after their 16-bit length. Raises `WireError` over 65,535 bytes."""
    if len(raw) > MAX_U16:
        raise WireError("a text of the token is longer than 65,535 bytes")
    return struct.pack(_U16, len(raw)) + raw


def pack_string(text: str) -> bytes:
    """Encode text as UTF-8 after its length in bytes. Raises `WireError` over 65,535 bytes or for a lone surrogate."""
    try:
        return pack_bytes(text.encode())
    except UnicodeEncodeError as error:
        raise WireError("a text of the token is not valid Unicode") from error


def pack_map(pairs: Mapping[int, int]) -> bytes:
    """Encode a count, then each key (16 bits) and value (32 bits), sorted by key. Raises `WireError`."""
    return pack_numbers("<H" + "HI" * len(pairs), len(pairs), *chain.from_iterable(sorted(pairs.items())))


def pack_numbers(layout: str, *numbers: int) -> bytes:
    """Encode integers. Raises `WireError` if one does not fit the layout, a format of the module struct."""
    try:
        return struct.pack(layout, *numbers)
    except struct.error as error:
        raise WireError("a number of the token is out of range") from error


def to_base64(raw: bytes) -> str:
    """Encode as standard base64 (RFC 4648) with padding, on one line."""
    return binascii.b2a_base64(raw, newline=False).decode()


def from_base64(text: str, after: str) -> bytes:
    """Decode standard base64 with padding. Raises `WireError` for any other text, even if it encodes the same bytes.

    `after` names what precedes the text in the token, for the message.
    """
    try:
        raw = binascii.a2b_base64(text)
        if to_base64(raw) == text:  # the decoder skips what it does not know
            return raw
    except ValueError:  # binascii's errors are ValueErrors, and so is that for letters beyond ASCII
        pass
    if re.fullmatch("[A-Za-z0-9_-]+=*", text) and not text.rstrip("=").isalnum():
        raise WireError("damaged: it has - or _ where Agora's tokens have + or /. Use base64, not its form for URLs")
    if len(text) % 4 and re.fullmatch("[A-Za-z0-9+/]+=*", text):
        raise WireError(f"damaged: what follows {after} is cut off, or lacks a = at its end")
    raise WireError(f"damaged: what follows {after} is not base64")


class Unpacker:
    """Decodes `data` from front to back. Every method raises `WireError` if the data ends too early."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def rest(self) -> bytes:
        """The bytes that are not decoded yet."""
        return self._data[self._position :]

    def bytes_(self) -> bytes:
        """Decode bytes after their length."""
        data, begin = self._data, self._position + 2
        try:
            end = begin + struct.unpack_from(_U16, data, self._position)[0]
        except struct.error as error:
            raise WireError(_TOO_EARLY) from error
        if end > len(data):
            raise WireError(_TOO_EARLY)
        self._position = end
        return data[begin:end]

    def string(self) -> str:
        """Decode text after its length in bytes. Raises `WireError` if it is not UTF-8."""
        try:
            return self.bytes_().decode()
        except UnicodeDecodeError as error:
            raise WireError("a text of the token is not UTF-8") from error

    def u16(self) -> int:
        """Decode an unsigned 16-bit integer."""
        return int(self.numbers(_U16)[0])

    def u32(self) -> int:
        """Decode an unsigned 32-bit integer."""
        return int(self.numbers(_U32)[0])

    def i16(self) -> int:
        """Decode a signed 16-bit integer."""
        return int(self.numbers(_I16)[0])

    def numbers(self, layout: str) -> tuple[int, ...]:
        """Decode several integers. `layout`: see `pack_numbers`."""
        try:
            numbers = struct.unpack_from(layout, self._data, self._position)
        except struct.error as error:
            raise WireError(_TOO_EARLY) from error
        self._position += struct.calcsize(layout)
        return numbers

    def map_(self) -> dict[int, int]:
        """Decode a map. Raises `WireError` for a duplicate key."""
        count = self.u16()
        end = self._position + count * _PAIR.size
        if end > len(self._data):
            raise WireError(_TOO_EARLY)
        pairs = dict(_PAIR.iter_unpack(self._data[self._position : end]))
        if len(pairs) < count:
            raise WireError("a privilege is given twice in the token")
        self._position = end
        return pairs
