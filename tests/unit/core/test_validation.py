"""pydantic's complaints in our words, each of them; and which texts a message repeats."""

import time
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from tokend.core.errors import ApiError, Code
from tokend.core.validation import (
    FieldError,
    StrictModel,
    field_errors,
    first_field_error,
    invalid,
    known_keys,
    redact_secrets,
    suggestion,
)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def _fails(value: str) -> str:
    raise invalid("must be something else")


class Inner(StrictModel):
    size: int
    deep: dict[str, "Inner"] | None = None


class Whole(StrictModel):
    text: str = ""
    number: Annotated[int, Field(ge=1, le=9)] = 1
    fraction: Annotated[float, Field(allow_inf_nan=False)] = 0.5
    flag: bool = True
    inner: Inner | None = None
    inners: list[Inner] = Field(default_factory=list)
    tuples: tuple[int, ...] = ()
    by_name: dict[str, Inner] = Field(default_factory=dict)
    word: Literal["one", "two"] = "one"
    always: Literal[True] = True
    never: Literal[False] = False
    by_key: dict[Annotated[str, AfterValidator(_fails)], int] = Field(default_factory=dict)
    colour: Colour = Colour.RED
    few: Annotated[list[int], Field(default_factory=lambda: [1], min_length=1, max_length=2)]
    own: Annotated[str, AfterValidator(_fails)] | None = None
    aliased: int = Field(1, alias="as")
    either: Annotated[str | Inner | None, Field()] = None
    raised: str | None = None

    @field_validator("raised")
    @classmethod
    def _raised(cls, value: str | None) -> str | None:
        raise ValueError("was raised")


def _complaints(tree: dict[str, Any]) -> list[FieldError]:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(tree)
    return field_errors(caught.value, Whole)


@pytest.mark.parametrize(
    ("tree", "path", "sentence"),
    [
        ({"text": 7}, ("text",), "must be text"),
        ({"number": "7"}, ("number",), "must be a whole number"),
        ({"number": 0}, ("number",), "must be greater than or equal to 1"),
        ({"number": 10}, ("number",), "must be less than or equal to 9"),
        ({"fraction": float("nan")}, ("fraction",), "must be a finite number"),
        ({"flag": 1}, ("flag",), "must be true or false"),
        ({"inner": {}}, ("inner", "size"), "is missing"),
        ({"inner": 7}, ("inner",), "must be a mapping"),
        ({"inners": {}}, ("inners",), "must be a list"),
        ({"inners": [{"size": "x"}]}, ("inners", 0, "size"), "must be a whole number"),
        ({"tuples": 7}, ("tuples",), "must be a list"),
        ({"by_name": []}, ("by_name",), "must be a mapping"),
        ({"word": "three"}, ("word",), "must be 'one' or 'two'"),
        ({"always": False}, ("always",), "must be true"),
        ({"never": True}, ("never",), "must be false"),
        ({"by_key": {"a": 1}}, ("by_key", "a"), "must be something else"),
        ({"few": []}, ("few",), "must hold at least 1 of these"),
        ({"few": [1, 2, 3]}, ("few",), "must hold at most 2 of these"),
        ({"own": "x"}, ("own",), "must be something else"),
        ({"raised": "x"}, ("raised",), "was raised"),
    ],
)
def test_each_complaint(tree: dict[str, Any], path: tuple[str | int, ...], sentence: str) -> None:
    assert _complaints(tree) == [FieldError(path, False, sentence)]


def test_an_enum_in_a_model_that_is_not_strict_about_it() -> None:
    class Lax(StrictModel):
        colour: Annotated[Colour, Field(strict=False)] = Colour.RED

    with pytest.raises(ValidationError) as caught:
        Lax.model_validate({"colour": "green"})
    assert field_errors(caught.value, Lax) == [FieldError(("colour",), False, "must be 'red' or 'blue'")]


@pytest.mark.parametrize(
    ("tree", "path", "hint"),
    [
        ({"txt": 1}, ("txt",), ", did you mean 'text'?"),
        ({"inner": {"size": 1, "siz": 1}}, ("inner", "siz"), ", did you mean 'size'?"),
        ({"inners": [{"size": 1, "siz": 1}]}, ("inners", 0, "siz"), ", did you mean 'size'?"),
        ({"by_name": {"a": {"size": 1, "zzz": 1}}}, ("by_name", "a", "zzz"), "; known: deep, size"),
        (
            {"inner": {"size": 1, "deep": {"b": {"size": 1, "sizes": 1}}}},
            ("inner", "deep", "b", "sizes"),
            ", did you mean 'size'?",
        ),
    ],
)
def test_an_unknown_key_is_told_with_those_known_at_its_place(
    tree: dict[str, Any], path: tuple[str | int, ...], hint: str
) -> None:
    assert _complaints(tree) == [FieldError(path, True, hint)]


def test_what_is_known_where() -> None:
    assert {"text", "as", "inner"} <= set(known_keys(Whole, ()))
    assert "aliased" not in known_keys(Whole, ())
    assert known_keys(Whole, ("inner",)) == known_keys(Whole, ("inners", 3)) == ["size", "deep"]
    assert known_keys(Whole, ("by_name", "any", "deep", "any")) == ["size", "deep"]
    assert known_keys(Whole, ("either",)) == ["size", "deep"]
    assert (
        known_keys(Whole, ("text",)) == known_keys(Whole, ("none",)) == known_keys(Whole, ("none", "at", "all")) == []
    )


def test_all_complaints_in_order_and_a_misspelling_first_where_one_is_told() -> None:
    tree = {"text": 7, "flag": 7, "txt": 7}
    assert [one.path for one in _complaints(tree)] == [("text",), ("flag",), ("txt",)]
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(tree)
    assert first_field_error(caught.value, Whole).path == ("txt",)
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({"text": 7, "flag": 7})
    assert first_field_error(caught.value, Whole).path == ("text",)


def test_of_a_thousand_misspellings_only_the_first_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a body of 16 KB with unknown fields would hold the loop for 30 ms, and a batch of 64 KB for 100 ms."""
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({f"k{number}": 1 for number in range(1000)})
    told = first_field_error(caught.value, Whole)
    assert told.unknown


def test_a_suggestion_is_near_or_all_there_is() -> None:
    assert suggestion("chanel", ["user", "channel", "channels"]) == ", did you mean 'channel'?"
    assert suggestion("zzz", ["user", "channel"]) == "; known: channel, user"
    assert suggestion("zzz", []) == ""
    assert suggestion("abcdefghij", ["abcdexxxxx"]) == "; known: abcdexxxxx", "half alike is not near"
    assert suggestion("abcdefghij", ["abcdefxxxx"]) == ", did you mean 'abcdefxxxx'?"


def test_an_error_of_a_validator_is_its_sentence() -> None:
    error = invalid("must be so")
    assert isinstance(error, PydanticCustomError)
    assert (error.type, error.message()) == ("invalid", "must be so")


HIDDEN = "(hidden: it looks like a secret)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("demo", "demo"),
        ("0123456789abcdef012", "0123456789abcdef012"),  # 19 hex digits
        ("0123456789abcdef0123", HIDDEN),
        ("0123456789ABCDEF0123", HIDDEN),
        ("in front 0123456789abcdef0123 behind", HIDDEN),
        ("deadbeefdeadbeefdeadbeef", HIDDEN),
        ("a1B-_+=ghijklmnopqr", "a1B-_+=ghijklmnopqr"),  # 19 letters of all three sorts
        ("a1B-_+=ghijklmnopqrs", HIDDEN),
        ("ghijklmnopqrstuvwxyz1", "ghijklmnopqrstuvwxyz1"),  # no upper case
        ("GHIJKLMNOPQRSTUVWXYZ1", "GHIJKLMNOPQRSTUVWXYZ1"),  # no lower case
        ("ghijklmnopqrstuvwxyZZ", "ghijklmnopqrstuvwxyZZ"),  # no digit
        ("a1B.a1B.a1B.a1B.a1B.a1B", "a1B.a1B.a1B.a1B.a1B.a1B"),  # no run of twenty
        ("ghijklmnopqrstuvwxyz XYZ a1Bcdefghijklmnopqrst", HIDDEN),  # the second run
        ("fedxw5rywmvhinhwli79lzgk624men0bxj4ioh7p6tkpw3769iq5", HIDDEN),  # of Stream: no upper case
        ("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY", HIDDEN),  # of NATS: no lower case
        ("mycompanysproductiontokenserver2026v2", "mycompanysproductiontokenserver2026v2"),  # digits in two places
        ("a3b4c5d6-e7f8g9h0-i1j2k3l4-m5n6o7p8", "a3b4c5d6-e7f8g9h0-i1j2k3l4-m5n6o7p8"),  # no run of 32
        ("zlJ23I9XCwFrBH6Bk9F/9T8SIR30RVCKxRd6K/2RXj4=", HIDDEN),  # openssl rand -base64 32
        ("NpKIs9RF/R2TkiiH2nT87w==", HIDDEN),
        ("NpKIs9RF/R2TkiiH2nT87w=value", "NpKIs9RF/R2TkiiH2nT87w=value"),  # nothing is padded in the middle
        ("a/path/to/files/of/an/app=", "a/path/to/files/of/an/app="),
        ("a\nb", "a\\nb"),
        ("é", "é"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_message_repeats(text: str, told: str) -> None:
    assert redact_secrets(text) == told


@pytest.mark.parametrize("part", ["a", "a/", "A", "aB", "1", "a" * 19 + "=", "a" * 20 + "=_"])
def test_a_long_text_of_a_client_is_searched_in_no_time(part: str) -> None:
    """The search for base64 began again at each character: 16 KiB held up the event loop for two seconds."""
    text = part * (64 * 1024 // len(part))
    before = time.process_time()
    ApiError(Code.UNKNOWN_FIELD, "is not a field", text)
    assert time.process_time() - before < 1


class Annotations(StrictModel):
    listed: list[Annotated[Inner, Field(description="one of them")]]
    named: dict[str, Annotated[Annotated[Inner | None, "inner"], "outer"]]


@pytest.mark.parametrize("path", [("listed", 0), ("named", "x")])
def test_annotations_of_the_items_of_a_field_do_not_hide_its_keys(path: tuple[str | int, ...]) -> None:
    assert known_keys(Annotations, path) == ["size", "deep"]


def test_what_an_error_repeats_of_the_name_of_a_field() -> None:
    """A client chooses the keys of a mapping such as LiveKit's `attributes`. The answer and the log repeated them."""
    key = "t7Kp2vQx9LmZ4rWc8YbNd3HsG6fJ1eUa5oTiRkVwXyE"
    assert (
        ApiError(Code.INVALID_FIELD, "must be text", f"attributes.{key}").detail == f"attributes.{HIDDEN} must be text"
    )
    assert ApiError(Code.INVALID_FIELD, "must be text", "attributes.seat").detail == "attributes.seat must be text"
    renamed = ApiError(Code.INVALID_FIELD, "must be text", f"attributes.{key}").renamed({"attributes": "tags"})
    assert renamed.field == f"tags.{HIDDEN}"
