"""Users and channels of vendors that state little of their form."""

import re

import pytest

from tokend.backends.ids import matching_id, printable_id
from tokend.core.errors import ApiError, Code


@pytest.mark.parametrize("text", ["a", "Zo\u00eb M\u00fcller", "x" * 8, "!%/"])
def test_a_printable_text_is_returned(text: str) -> None:
    assert printable_id("user", text, 10) == text


@pytest.mark.parametrize("text", ["", "x" * 11, "*", "guest-*", "a\nb", "\x7f", "\ud800", "\u202e"])
def test_any_other_is_an_error_that_names_its_field(text: str) -> None:
    with pytest.raises(ApiError) as caught:
        printable_id("room", text, 10)
    assert (caught.value.code, caught.value.field) == (Code.INVALID_FIELD, "room")
    assert caught.value.sentence == "must be 1 to 10 printable characters other than *"


def test_a_user_that_neither_request_nor_rule_names_is_missing() -> None:
    """The sentence was that of a user with other characters."""
    with pytest.raises(ApiError) as caught:
        printable_id("user", None, 10)
    assert (caught.value.field, caught.value.sentence) == ("user", "is missing")


def test_a_text_has_the_form_that_a_vendor_states() -> None:
    form = re.compile("[a-z]{1,3}")
    assert matching_id("user", "abc", form, "1 to 3 of a-z") == "abc"
    for text, sentence in ((None, "is missing"), ("abcd", "must be 1 to 3 of a-z"), ("abc\n", "must be 1 to 3 of a-z")):
        with pytest.raises(ApiError) as caught:
            matching_id("user", text, form, "1 to 3 of a-z")
        assert (caught.value.code, caught.value.field, caught.value.sentence) == (Code.INVALID_FIELD, "user", sentence)
