"""base64url of tokens: one text for each sequence of bytes, held against the standard library."""

import base64
from itertools import product

import pytest

from tokend.core import base64url


@pytest.mark.parametrize("raw", [b"", b"\x00", b"ab", b"abc", bytes(range(256)), b"\xfb\xff\xfe"])
def test_bytes_come_back(raw: bytes) -> None:
    text = base64url.encode(raw)
    assert text == base64.urlsafe_b64encode(raw).rstrip(b"=")
    assert base64url.decode(text.decode()) == raw


def test_of_all_short_texts_only_those_that_an_encoder_writes_are_accepted() -> None:
    letters = "AQgw-_+/=. \n"
    written = {base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=") for raw in product(range(256), repeat=1)}
    written |= {base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=") for raw in product(range(256), repeat=2)}
    accepted = set()
    texts = ["".join(text) for length in (1, 2, 3) for text in product(letters, repeat=length)]
    for text in texts:
        try:
            base64url.decode(text)
        except ValueError:
            continue
        accepted.add(text)
    assert accepted == {text for text in texts if text in written}
    assert len(accepted) > 10


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a", "not base64url"),
        ("ab=", "base64 in another spelling"),
        ("é", "not base64url"),
        ("YQ\n", "not base64url"),
        ("YR", "base64 in another spelling"),
        ("+/8", "base64 in another spelling"),
    ],
)
def test_the_error_continues_a_sentence(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        base64url.decode(text)
