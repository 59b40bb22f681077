"""A Secret never shows: not printed, formatted, copied, pickled, dumped, nor in what pydantic complains of."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Final

import pytest
from pydantic import ValidationError

from tokend.core.model import AppCredentials
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, field_errors, invalid

_TEXT: Final = "canary-5CFd2fd1755d40ec"
_SECRET: Final = Secret(_TEXT)


class _Options(StrictModel):
    secret: Secret
    count: int = 0


def test_reveal_is_the_way_out() -> None:
    assert _SECRET.reveal() == _TEXT


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        format,
        ascii,
        lambda one: f"{one}",
        lambda one: f"{one!r:>40}",
        lambda one: "%s" % one,  # noqa: UP031  # one way of printing it
        lambda one: str([one, {"a": one}, (one,)]),
        lambda one: str(AppCredentials("app", {"primary": one})),
        lambda one: repr(_Options(secret=one)),
        lambda one: str(_Options(secret=one)),
        lambda one: str(_Options(secret=one).model_dump()),
        lambda one: json.dumps({"a": one}, default=str),
        lambda one: str(Exception(one)),
    ],
)
def test_no_way_of_printing_shows_it(show: Callable[[object], str]) -> None:
    assert "Secret(sealed)" in show(_SECRET)
    assert _TEXT[:8] not in show(_SECRET)


@pytest.mark.parametrize(
    "leave",
    [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars, lambda one: _Options(secret=one).model_dump_json()],
)
def test_no_way_of_copying_or_dumping_it_works(leave: Callable[[object], object]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        leave(_SECRET)
    assert _TEXT[:8] not in str(caught.value)


def test_two_secrets_of_one_text_do_not_tell_that_they_are_equal() -> None:
    assert Secret(_TEXT) != Secret(_TEXT)


@pytest.mark.parametrize("written", [_TEXT, {"env": "X"}, [_TEXT], 7, None])
def test_a_text_in_the_place_of_a_reference_is_refused_and_not_repeated(written: object) -> None:
    with pytest.raises(ValidationError) as caught:
        _Options.model_validate({"secret": written, "count": "x"})
    told = [str(caught.value), repr(caught.value), str(field_errors(caught.value, _Options))]
    told.append(str(caught.value.errors(include_input=False)))
    assert _TEXT[:8] not in "".join(told)
    assert (
        "write {env: NAME}, {file: PATH} or {credential: NAME}, never the text itself"
        in field_errors(caught.value, _Options)[0].sentence
    )


def test_a_wrong_sibling_does_not_show_it() -> None:
    for wrong in ({"count": "x"}, {"cuont": 1}):
        with pytest.raises(ValidationError) as caught:
            _Options.model_validate({"secret": _SECRET, **wrong})
        assert _TEXT[:8] not in str(caught.value) + repr(caught.value) + str(caught.value.errors())


def test_a_reference_is_resolved_by_the_configurations_resolver() -> None:
    options = _Options.model_validate({"secret": {"env": "X"}}, context={"secrets": lambda ref: Secret(ref["env"] * 2)})
    assert options.secret.reveal() == "XX"


def test_what_the_resolver_says_is_the_complaint() -> None:
    def absent(reference: object) -> Secret:
        raise invalid("the environment variable X is not set")

    with pytest.raises(ValidationError) as caught:
        _Options.model_validate({"secret": {"env": "X"}}, context={"secrets": absent})
    assert [one.sentence for one in field_errors(caught.value, _Options)] == ["the environment variable X is not set"]


def test_the_schema_shows_a_reference() -> None:
    assert [list(one["properties"]) for one in _Options.model_json_schema()["properties"]["secret"]["oneOf"]] == [
        ["env"],
        ["file"],
        ["credential"],
    ]
