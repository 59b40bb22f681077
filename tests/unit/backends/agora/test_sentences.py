"""What the wire's refusals say: an operator reads these in the log, so each is held to its words."""

from collections.abc import Callable

import pytest

from tokend.backends.agora.packing import (
    Unpacker,
    WireError,
    from_base64,
    pack_bytes,
    pack_i16,
    pack_map,
    pack_numbers,
    pack_string,
    pack_u16,
    pack_u32,
)


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (lambda: pack_u16(-1), "a number of the token is out of range"),
        (lambda: pack_bytes(bytes(65_536)), "a text of the token is longer than 65,535 bytes"),
        (lambda: pack_string("\ud800"), "a text of the token is not valid Unicode"),
        (lambda: pack_numbers("<HI", 1, 2**32), "a number of the token is out of range"),
        (lambda: from_base64("?", "007"), "damaged: what follows 007 is not base64"),
        (lambda: from_base64("é", "007"), "damaged: what follows 007 is not base64"),
        (lambda: from_base64("YWJ", "007"), "damaged: what follows 007 is cut off, or lacks a = at its end"),
        (
            lambda: from_base64("YW_j", "007"),
            "damaged: it has - or _ where Agora's tokens have + or /. Use base64, not its form for URLs",
        ),
        (lambda: from_base64("YW?Jj", "007"), "damaged: what follows 007 is not base64"),
        (lambda: from_base64("YWJj\n", "007"), "damaged: what follows 007 is not base64"),
        (lambda: from_base64("YR==", "006…"), "damaged: what follows 006… is not base64"),
        (lambda: Unpacker(b"\x01\x00\xff").string(), "a text of the token is not UTF-8"),
        (lambda: Unpacker(pack_u16(2) + bytes(12)).map_(), "a privilege is given twice in the token"),
        (lambda: Unpacker(b"\x01").u16(), "the token ends too early"),
        (lambda: Unpacker(b"\x01").bytes_(), "the token ends too early"),
        (lambda: Unpacker(b"\x02\x00\xff").bytes_(), "the token ends too early"),
        (lambda: Unpacker(b"\x01\x00\xff").map_(), "the token ends too early"),
    ],
)
def test_a_refusal_says_what_is_wrong(refused: Callable[[], object], sentence: str) -> None:
    with pytest.raises(WireError) as caught:
        refused()
    assert str(caught.value) == sentence


def test_the_ends_of_each_number_are_packed() -> None:
    assert (pack_u16(0), pack_u16(65_535)) == (b"\0\0", b"\xff\xff")
    assert (pack_u32(0), pack_u32(2**32 - 1)) == (bytes(4), b"\xff" * 4)
    assert (pack_i16(-32_768), pack_i16(32_767)) == (b"\0\x80", b"\xff\x7f")
    assert pack_map({65_535: 2**32 - 1, 0: 0}) == b"\x02\0" + bytes(6) + b"\xff" * 6
    assert pack_bytes(bytes(65_535)) == b"\xff\xff" + bytes(65_535)
