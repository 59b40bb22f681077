"""What holds for every content and every text: reading undoes writing, and nothing altered verifies."""

import base64
import string
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.backends.agora.contents import (
    APP_ID,
    CERTIFICATE,
    LETTERS,
    OTHER_CERTIFICATE,
    contents,
    contents006,
    in_wire_order,
    inflated,
    texts,
    token_of,
)
from tokend.backends.agora import v006, v007
from tokend.backends.agora.packing import WireError, pack_bytes

_BASE64 = string.ascii_letters + string.digits + "+/="
_MASK = st.integers(1, 255)
_FEW = settings(max_examples=50, database=None)
# texts that run into one another, so that fields without a border would be found out
_ALIKE = texts("a\x00\x01")


def _verifies(token: str) -> bool:
    """Read and checked like a stranger's token: anything but an answer or a WireError fails the test."""
    try:
        return v007.verifies(v007.decode(token), CERTIFICATE)
    except WireError:
        return False


def _verifies006(token: str, channel: str, uid: str) -> bool:
    try:
        return v006.verifies(v006.decode(token), CERTIFICATE, channel, uid)
    except WireError:
        return False


@_FEW
@given(contents(texts()))
def test_007_reading_undoes_writing(content: v007.Content) -> None:
    decoded = v007.decode(v007.encode(content, CERTIFICATE))
    assert decoded.content == in_wire_order(content)
    assert decoded.unread == b""
    assert v007.verifies(decoded, CERTIFICATE)
    assert not v007.verifies(decoded, OTHER_CERTIFICATE)


@_FEW
@given(contents(texts()))
def test_007_a_token_has_the_bytes_of_a_builder_that_compresses_as_usual(content: v007.Content) -> None:
    token = v007.encode(content, CERTIFICATE)
    usual = base64.b64encode(zlib.compress(inflated(token))).decode()
    assert token == f"007{usual}" or len(usual) > 2_000  # a long text may be packed in another way


@_FEW
@given(contents006(texts()))
def test_006_reading_undoes_writing(content: v006.Content) -> None:
    decoded = v006.decode(v006.encode(content, CERTIFICATE))
    assert (decoded.app_id, decoded.issue_ts, decoded.salt) == (content.app_id, content.issue_ts, content.salt)
    assert decoded.privileges == content.privileges
    assert v006.verifies(decoded, CERTIFICATE, content.channel, content.uid)
    assert not v006.verifies(decoded, OTHER_CERTIFICATE, content.channel, content.uid)


@_FEW
@given(contents(_ALIKE), contents(_ALIKE))
def test_007_different_contents_are_signed_as_different_bytes(one: v007.Content, other: v007.Content) -> None:
    assert (v007.pack(one) == v007.pack(other)) == (in_wire_order(one) == in_wire_order(other))


@_FEW
@given(st.lists(_ALIKE, min_size=6, max_size=6))
def test_007_no_text_can_reach_over_into_its_neighbour(shreds: list[str]) -> None:
    """The same letters, parted elsewhere between channel, uid and the next service's texts."""
    whole = "".join(shreds)
    seen: dict[bytes, tuple[str, ...]] = {}
    for cut in range(len(whole) + 1):
        for end in range(cut, len(whole) + 1):
            parts = whole[:cut], whole[cut:end], whole[end:]
            services = (v007.Service(1, {1: 1}, parts[:2]), v007.Service(2, {1: 1}, parts[2:]))
            packed = v007.pack(v007.Content(APP_ID, 1, 1, 1, services))
            assert seen.setdefault(packed, parts) == parts


@_FEW
@given(contents(texts()), st.data())
def test_007_one_altered_byte_never_verifies(content: v007.Content, data: st.DataObject) -> None:
    raw = bytearray(inflated(v007.encode(content, CERTIFICATE)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(_MASK)
    assert not _verifies(token_of(bytes(raw)))


@_FEW
@given(contents(texts()), st.data())
def test_007_one_altered_character_never_verifies(content: v007.Content, data: st.DataObject) -> None:
    """Except where deflate itself has bits to spare (its level hint, its last byte): there the same bytes come out."""
    token = v007.encode(content, CERTIFICATE)
    altered = _with_another_character(token, data)
    if _verifies(altered):
        assert v007.decode(altered) == v007.decode(token)
        assert inflated(altered) == inflated(token)


@_FEW
@given(contents006(texts()), st.data())
def test_006_one_altered_character_never_verifies(content: v006.Content, data: st.DataObject) -> None:
    altered = _with_another_character(v006.encode(content, CERTIFICATE), data)
    assert not _verifies006(altered, content.channel, content.uid)


@_FEW
@given(contents006(texts()), st.data())
def test_006_one_altered_byte_never_verifies(content: v006.Content, data: st.DataObject) -> None:
    token = v006.encode(content, CERTIFICATE)
    body = bytearray(base64.b64decode(token[35:]))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(_MASK)
    assert not _verifies006(token[:35] + base64.b64encode(body).decode(), content.channel, content.uid)


@_FEW
@given(contents006(texts()), texts(), texts())
def test_006_verifies_for_no_other_channel_or_user(content: v006.Content, channel: str, uid: str) -> None:
    decoded = v006.decode(v006.encode(content, CERTIFICATE))
    same = (channel, uid) == (content.channel, content.uid)
    assert v006.verifies(decoded, CERTIFICATE, channel, uid) == same


@_FEW
@given(contents(texts()), st.data())
def test_007_a_token_cut_short_is_refused(content: v007.Content, data: st.DataObject) -> None:
    token = v007.encode(content, CERTIFICATE)
    assert not _verifies(token[: data.draw(st.integers(0, len(token) - 1))])
    raw = inflated(token)
    assert not _verifies(token_of(raw[: data.draw(st.integers(0, len(raw) - 1))]))


@_FEW
@given(contents006(texts()), st.data())
def test_006_a_token_cut_short_is_refused(content: v006.Content, data: st.DataObject) -> None:
    token = v006.encode(content, CERTIFICATE)
    assert not _verifies006(token[: data.draw(st.integers(0, len(token) - 1))], content.channel, content.uid)


@_FEW
@given(st.sampled_from(["", "006", "007", "007eJx", "006" + APP_ID]), st.text(LETTERS + "\ud800") | st.text(_BASE64))
def test_any_text_is_an_answer_or_a_wire_error(prefix: str, text: str) -> None:
    assert not _verifies(prefix + text)
    assert not _verifies006(prefix + text, "c", "u")


@_FEW
@given(st.binary(max_size=80))
def test_any_bytes_are_an_answer_or_a_wire_error(raw: bytes) -> None:
    header = pack_bytes(b"s" * 32) + pack_bytes(APP_ID.encode()) + bytes(12)
    for kind in range(12):
        for inside in (raw, header + raw, header + b"\x01\x00" + bytes([kind, 0]) + raw):
            assert not _verifies(token_of(inside))
    assert not _verifies("007" + base64.b64encode(raw).decode())
    for body in (raw, pack_bytes(b"s" * 32) + bytes(8) + pack_bytes(raw)):
        assert not _verifies006("006" + APP_ID + base64.b64encode(body).decode(), "c", "u")


def _with_another_character(token: str, data: st.DataObject) -> str:
    at = data.draw(st.integers(0, len(token) - 1) | st.integers(max(0, len(token) - 12), len(token) - 1))
    character = data.draw(st.sampled_from(_BASE64).filter(lambda other: other != token[at]) | st.just(""))
    return token[:at] + character + token[at + 1 :]
