"""Strict JSON: what is rejected, and that every accepted value is the one that Python's own reader gives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokend.core import strict_json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" ", b"{", b"{}{}", b"[1]x", b"[1,]", b"{a:1}", b"'a'", b"{} // x", b"\x00", b"\xef\xbb\xbf{}"),
        *(b"NaN", b"[Infinity]", b"-Infinity", b"1e400", b"01", b"+1", b".5", b"1."),
        *(b'"\\ud800"', b'"\\udc00"', b'{"\\ud800":1}', b'"\xff"', b'"\xed\xa0\x80"', b'"\x01"', b'"\\x"'),
        *(b'{"a":1,"a":2}', b'[{"a":{"b":1,"b":1}}]', b"[" * 5000, b'{"a":' * 5000, b"[" * 2000 + b"]" * 2000),
        *(b"1" * 309, b"-" + b"1" * 309, b"1" * 5000),
    ],
)
def test_what_is_not_strictly_json_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # any of its sentences
        strict_json.loads(raw)


def test_nesting_is_limited_alike_on_every_version_of_python() -> None:
    deepest = b'{"a":[' * (strict_json.MAX_DEPTH // 2) + b"]}" * (strict_json.MAX_DEPTH // 2)
    assert json.dumps(strict_json.loads(deepest), separators=(",", ":")).encode() == deepest
    with pytest.raises(ValueError, match="nested too deep"):
        strict_json.loads(b"[" + deepest + b"]")
    assert len(strict_json.loads(b"[" + b"[]," * 1000 + b"{}]")) == 1001


def test_a_duplicate_key_has_an_error_of_its_own() -> None:
    with pytest.raises(strict_json.DuplicateKeyError):
        strict_json.loads(b'{"a":1,"a":1}')


def test_long_integers_stay_exact() -> None:
    assert strict_json.loads(b"-" + b"9" * 308) == -int("9" * 308)


@given(_VALUES.filter(lambda value: len(repr(value)) < 300))
def test_what_is_json_is_read_as_python_reads_it(value: object) -> None:
    text = json.dumps(value)
    assert strict_json.loads(text.encode()) == json.loads(text)
