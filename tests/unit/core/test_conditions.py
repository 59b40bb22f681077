"""Conditions as they are written, and which of them no claims could meet together."""

import pytest
from pydantic import TypeAdapter

from tokend.core.conditions import Conditions, exclude_each_other
from tokend.core.rules import Rule


def _conditions(written: dict[str, object]) -> tuple[object, ...]:
    return Rule.model_validate({"when": written}).when


@pytest.mark.parametrize(
    ("some", "others", "excluded"),
    [
        ({"claims.aud": "a"}, {"claims.aud": "b"}, True),
        ({"claims.aud": "a"}, {"claims.aud": "a"}, False),
        ({"claims.aud": ["a", "b"]}, {"claims.aud": ["b", "c"]}, False),
        ({"claims.aud": ["a", "b"]}, {"claims.aud": ["c", "d"]}, True),
        ({"claims.aud": "a"}, {"claims.azp": "b"}, False),
        ({"claims.x": "a", "claims.aud": "a"}, {"claims.y": "b", "claims.aud": "b"}, True),
        ({"claims.x": 1, "claims.aud": "a"}, {"claims.aud": "a", "claims.x": 2}, True),
    ],
)
def test_conditions_exclude_each_other_if_a_claim_would_need_two_values(
    some: dict[str, object], others: dict[str, object], excluded: bool
) -> None:
    first, second = Rule.model_validate({"when": some}).when, Rule.model_validate({"when": others}).when
    assert exclude_each_other(iter(first), iter(second)) is excluded


def test_conditions_that_are_built_already_stay() -> None:
    built = _conditions({"claims.role": "host"})
    assert Rule.model_validate({"when": built}).when == built


@pytest.mark.parametrize("value", [[], None, 1.5, {"a": 1}, ["a", None], [["a"]]])
def test_a_value_of_another_form_is_an_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"  must be text, a whole number, true or false, or a list of these \["):
        _conditions({"claims.role": value})


@pytest.mark.parametrize("value", ["host", 7, True, ["host", 7, False]])
def test_values_are_text_numbers_or_truth_values(value: object) -> None:
    expected = tuple(value) if isinstance(value, list) else (value,)
    (condition,) = Rule.model_validate({"when": {"claims.a.b": value}}).when
    assert (str(condition.path), condition.expected) == ("claims.a.b", expected)


def test_a_key_that_is_no_claim_is_an_error() -> None:
    with pytest.raises(ValueError, match="which is no claim"):
        _conditions({"role": "host"})


def test_no_condition_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="is empty: name a claim, or leave the key out"):
        _conditions({})
    assert not exclude_each_other((), ())


def test_conditions_are_read_from_a_mapping_and_dumped_as_they_are() -> None:
    adapter = TypeAdapter[Conditions](Conditions)
    built = adapter.validate_python({"claims.role": ["host", 7]})
    assert built == _conditions({"claims.role": ["host", 7]})
    assert adapter.validate_python(built) == built
    assert adapter.dump_python(built) == built
    assert adapter.json_schema()["type"] == "object"
