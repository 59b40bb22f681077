"""The edges of the formats: what the packer refuses to write, and what the reader refuses to take in or to believe."""

import base64
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.unit.backends.agora.contents import APP_ID, CERTIFICATE, OTHER_CERTIFICATE, inflated, token_of
from tokend.backends.agora import v006, v007
from tokend.backends.agora.packing import WireError, pack_bytes, pack_i16, pack_map, pack_string, pack_u16, pack_u32

_RTC = v007.Service(1, {1: 600}, ("stage", "7"))
_RTM = v007.Service(2, {1: 600}, ("alice",))
_CONTENT = v007.Content(APP_ID, 1_700_000_000, 600, 1, (_RTC, _RTM))
_CONTENT006 = v006.Content(APP_ID, "stage", "7", 1_700_000_000, 1, {1: 1_700_000_600})
_SURROGATE = "\ud800"


def _signed(*services: bytes, count: int | None = None) -> str:
    """A token of these packed services with a true signature, as no packer of ours would write it."""
    head = pack_string(APP_ID) + pack_u32(1) + pack_u32(600) + pack_u32(1)
    signed = head + pack_u16(len(services) if count is None else count) + b"".join(services)
    return token_of(pack_bytes(v007.sign(signed, 1, 1, CERTIFICATE)) + signed)


def _signed006(message: bytes) -> str:
    signature = pack_bytes(bytes(32)) + bytes(8)
    return "006" + APP_ID + base64.b64encode(signature + pack_bytes(message)).decode()


# ---- writing


def test_channel_of_65541_bytes_forges_no_service() -> None:
    """A length that wraps to 5 would end the channel there and let the rest of it stand as a Chat administrator."""
    forged = pack_string("7") + pack_u16(5) + pack_map({2: 600}) + pack_string("")
    channel = ("stage" + forged.decode()).ljust(65_541, "x")
    assert len(channel.encode()) == 65_541
    # the trap is real: with the wrapped length, the same bytes read as channel, user and an administrator
    wrapped = pack_u16(1) + pack_map({1: 600}) + pack_u16(65_541 & 0xFFFF) + channel.encode()[:100]
    assert v007.decode(_signed(wrapped, count=2)).content.services == (_RTC, v007.Service(5, {2: 600}, ("",)))
    for kind in (1, 3, 6):
        with pytest.raises(WireError, match="longer than 65,535 bytes"):
            v007.encode(replace(_CONTENT, services=(v007.Service(kind, {1: 600}, (channel, "7")), _RTM)), CERTIFICATE)


def test_a_text_may_have_65535_bytes_and_not_one_more() -> None:
    assert len(pack_string("é" * 32_767 + "x")) == 65_537
    with pytest.raises(WireError):
        pack_string("é" * 32_768)


@pytest.mark.parametrize(
    "pack, lowest, highest",
    [(pack_u16, 0, 0xFFFF), (pack_u32, 0, 0xFFFF_FFFF), (pack_i16, -0x8000, 0x7FFF)],
)
def test_numbers_end_where_the_format_ends(pack: Callable[[int], bytes], lowest: int, highest: int) -> None:
    assert len(pack(lowest)) == len(pack(highest))
    for beyond in (lowest - 1, highest + 1, 2**63, -(2**63)):
        with pytest.raises(WireError):
            pack(beyond)


@pytest.mark.parametrize(
    "content",
    [
        replace(_CONTENT, issue_ts=2**32),
        replace(_CONTENT, issue_ts=-1),
        replace(_CONTENT, expire=2**32),
        replace(_CONTENT, expire=-1),
        replace(_CONTENT, salt=2**32),
        replace(_CONTENT, app_id=_SURROGATE),
        replace(_CONTENT, services=(replace(_RTC, privileges={1: 2**32}),)),
        replace(_CONTENT, services=(replace(_RTC, privileges={1: -1}),)),
        replace(_CONTENT, services=(replace(_RTC, privileges={2**16: 1}),)),
        replace(_CONTENT, services=(replace(_RTC, values=("stage", _SURROGATE)),)),
        replace(_CONTENT, services=(v007.Service(7, {}, ("room", "user", 2**15)),)),
        replace(_CONTENT, services=(v007.Service(8, {}, ("user", {2**16: {}})),)),
        replace(_CONTENT, services=(v007.Service(8, {}, ("user", {0: {-1: ()}})),)),
        replace(_CONTENT, services=(v007.Service(8, {}, ("user", {0: {0: (_SURROGATE,)}})),)),
        replace(_CONTENT, services=(v007.Service(4, {}, ()),) * 65_536),
    ],
)
def test_007_does_not_write_what_it_cannot_hold(content: v007.Content) -> None:
    with pytest.raises(WireError):
        v007.encode(content, CERTIFICATE)


@pytest.mark.parametrize(
    "content",
    [
        replace(_CONTENT006, issue_ts=2**32 - v006.DAY),
        replace(_CONTENT006, issue_ts=-v006.DAY - 1),
        replace(_CONTENT006, salt=2**32),
        replace(_CONTENT006, salt=-1),
        replace(_CONTENT006, privileges={1: 2**32}),
        replace(_CONTENT006, privileges={2**16: 1}),
        replace(_CONTENT006, privileges=dict.fromkeys(range(11_000), 1)),
        replace(_CONTENT006, channel=_SURROGATE),
        replace(_CONTENT006, uid=_SURROGATE),
    ],
)
def test_006_does_not_write_what_it_cannot_hold(content: v006.Content) -> None:
    with pytest.raises(WireError):
        v006.encode(content, CERTIFICATE)


@pytest.mark.parametrize("app_id", ["", APP_ID[:31], APP_ID + "0", "é" * 32, _SURROGATE * 32])
def test_006_writes_no_app_id_that_it_could_not_read_back(app_id: str) -> None:
    with pytest.raises(WireError):
        v006.encode(replace(_CONTENT006, app_id=app_id), CERTIFICATE)


# ---- reading


@pytest.mark.parametrize("letter", ["é", _SURROGATE])
def test_006_app_id_of_other_letters_is_refused(letter: str) -> None:
    token = v006.encode(_CONTENT006, CERTIFICATE)
    with pytest.raises(WireError):
        v006.decode(token.replace(APP_ID, letter * 32))


def test_text_over_8_kib_is_refused_unread() -> None:
    for decode, head in ((v007.decode, "007"), (v006.decode, "006" + APP_ID)):
        for length, field_error in ((8 * 1024 + 1, "over 8 KiB"), (8 * 1024, "not base64")):
            with pytest.raises(WireError, match=field_error):
                decode(head.ljust(length, "!"))


def test_64_kib_inflate_and_not_one_byte_more() -> None:
    room = 64 * 1024 - len(inflated(_signed()))
    longest = _signed(bytes(room), count=0)
    assert len(inflated(longest)) == 64 * 1024
    assert v007.decode(longest).unread == bytes(room)
    with pytest.raises(WireError, match="over 64 KiB"):
        v007.decode(_signed(bytes(room + 1), count=0))


@pytest.mark.parametrize(
    "megabytes, length, field_error",
    [(5, 7_000, "over 64 KiB"), (412, 543_000, "over 8 KiB")],
    ids=["7-KB token", "543-KB token"],
)
def test_a_bomb_is_refused_in_little_memory(megabytes: int, length: int, field_error: str) -> None:
    """Both would inflate to many megabytes of zeros; the larger one is refused by its length alone."""
    packer = zlib.compressobj(9)
    header = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    # after a full flush nothing refers back, so one megabyte can be repeated
    megabyte = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    token = "007" + base64.b64encode(header + megabyte * megabytes).decode()
    assert abs(len(token) - length) < 1_000
    assert len(zlib.decompressobj().decompress(base64.b64decode(token[3:])[: len(header + megabyte) * 2])) > 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match=field_error):
            v007.decode(token)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 192 * 1024


def test_an_unknown_service_type_stops_the_reader_and_keeps_what_it_read() -> None:
    rtc = pack_u16(1) + pack_map({1: 600}) + pack_string("stage") + pack_string("7")
    rest = pack_u16(99) + b"whatever this is" + rtc
    decoded = v007.decode(_signed(rtc, rest, count=3))
    assert decoded.content.services == (_RTC,)
    assert decoded.unread == rest
    assert v007.verifies(decoded, CERTIFICATE)
    assert not v007.verifies(decoded, OTHER_CERTIFICATE)


def test_what_follows_the_last_service_is_shown_as_unread() -> None:
    fpa = pack_u16(4) + pack_map({1: 0})
    decoded = v007.decode(_signed(fpa, fpa, count=1))
    assert (decoded.content.services, decoded.unread) == ((v007.Service(4, {1: 0}, ()),), fpa)


def test_007_something_after_the_zlib_stream_is_refused() -> None:
    packed = base64.b64decode(v007.encode(_CONTENT, CERTIFICATE)[3:])
    for tail in (b"\x00", b"tail", packed):
        with pytest.raises(WireError, match="something follows"):
            v007.decode("007" + base64.b64encode(packed + tail).decode())
    for cut in (1, 4, 5):
        with pytest.raises(WireError, match="cut short"):
            v007.decode("007" + base64.b64encode(packed[:-cut]).decode())


def test_006_something_left_over_is_refused() -> None:
    message = pack_u32(1) + pack_u32(1_700_086_400) + pack_map({1: 1_700_000_600})
    assert v006.decode(_signed006(message)).privileges == {1: 1_700_000_600}
    with pytest.raises(WireError):
        v006.decode(_signed006(message + b"\x00"))
    body = base64.b64decode(v006.encode(_CONTENT006, CERTIFICATE)[35:])
    with pytest.raises(WireError):
        v006.decode("006" + APP_ID + base64.b64encode(body + b"\x00").decode())


def test_006_from_before_1970_is_refused() -> None:
    with pytest.raises(WireError):
        v006.decode(_signed006(pack_u32(1) + pack_u32(v006.DAY - 1) + pack_map({})))


def test_base64_is_taken_in_one_spelling_only() -> None:
    """Padding too much or too little, spare bits that are set, other alphabets and white space."""
    for salt in range(1, 40):
        token = v007.encode(replace(_CONTENT, salt=salt), CERTIFICATE)
        token006 = v006.encode(replace(_CONTENT006, privileges=dict.fromkeys(range(salt % 3), 1)), CERTIFICATE)
        for text in (token, token006):
            decode = v007.decode if text is token else v006.decode
            unpadded = text.rstrip("=")
            spellings = {text + "=", text + "==", text + "\n", " " + text, text[:-4] + "\n" + text[-4:], unpadded}
            if unpadded != text:
                spellings.add(unpadded[:-1] + chr(ord(unpadded[-1]) + 1) + text[len(unpadded) :])
            spellings.add(text.replace("+", "-").replace("/", "_"))
            for spelling in spellings - {text}:
                with pytest.raises(WireError):
                    decode(spelling)


@pytest.mark.parametrize("twice", [pack_u16(2) + (pack_u16(1) + pack_u32(600)) * 2, b"\x02\x00" + bytes(12)])
def test_a_privilege_that_stands_twice_is_refused(twice: bytes) -> None:
    with pytest.raises(WireError, match="is given twice"):
        v007.decode(_signed(pack_u16(4) + twice))
    with pytest.raises(WireError, match="is given twice"):
        v006.decode(_signed006(pack_u32(1) + pack_u32(1_700_086_400) + twice))


def test_a_permission_or_resource_type_that_stands_twice_is_refused() -> None:
    rtm2 = pack_u16(8) + pack_map({1: 600}) + pack_string("alice")
    read, write = pack_u16(0) + pack_u16(0), pack_u16(1) + pack_u16(0)
    channels = pack_u16(0) + pack_u16(1)
    assert v007.decode(_signed(rtm2 + pack_u16(1) + pack_u16(0) + pack_u16(2) + read + write)).content.services
    with pytest.raises(WireError, match="a permission is given twice"):
        v007.decode(_signed(rtm2 + pack_u16(1) + pack_u16(0) + pack_u16(2) + read + read))
    with pytest.raises(WireError, match="a resource type is given twice"):
        v007.decode(_signed(rtm2 + pack_u16(2) + channels + read + channels + write))


def test_a_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(WireError, match="not UTF-8"):
        v007.decode(_signed(pack_u16(5) + pack_map({1: 600}) + pack_bytes(b"\xff")))


@pytest.mark.parametrize("text", ["", "0", "007", "006", "005" + APP_ID, "OO7eJxT", "007" + "é", "006" + APP_ID])
def test_what_is_no_token_is_refused(text: str) -> None:
    for decode in (v007.decode, v006.decode):
        with pytest.raises(WireError):
            decode(text)
