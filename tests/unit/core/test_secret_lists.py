"""Secrets for rotation. A SecretList holds one or more, shows none, and its problems have their places."""

import copy
import pickle
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]
from pydantic import ValidationError

from tokend.core.validation import StrictModel, field_errors
from tokend.plugins import Secret, SecretList

_TEXT: Final = "canary-5CFd2fd1755d40ec"
_LITERAL: Final = "is a secret: write {env: NAME}, {file: PATH} or {credential: NAME}, never the text itself"
_REPEATED: Final = "is the same secret as one before it: write each once"


class _Options(StrictModel):
    secret: SecretList


def _resolve(reference: Mapping[str, Any]) -> Secret:
    return Secret(str(reference["env"]))


def _validated(written: object) -> _Options:
    return _Options.model_validate({"secret": written}, context={"secrets": _resolve})


@pytest.mark.parametrize("written", [{"env": "A"}, [{"env": "A"}], [{"env": "A"}, {"env": "B"}, {"env": "C"}]])
def test_the_first_signs_and_all_verify(written: Any) -> None:
    secrets = _validated(written).secret
    names = [entry["env"] for entry in ([written] if isinstance(written, dict) else written)]
    assert secrets.first.reveal() == "A"
    assert [secret.reveal() for secret in secrets] == names
    assert len(secrets) == len(names)


def test_a_program_makes_one_of_secrets() -> None:
    first, second = Secret("a"), Secret("b")
    made = SecretList([first, second])
    assert _Options(secret=made).secret is made
    for written in ([first, second], (first, second)):
        assert [*_validated(written).secret] == [first, second]
    assert _validated(first).secret.first is first
    with pytest.raises(ValueError, match="at least one"):
        SecretList([])
    with pytest.raises(ValueError, match="twice"):
        SecretList([first, Secret("a")])


@pytest.mark.parametrize(
    ("written", "problems"),
    [
        ([], {("secret",): "is an empty list: write at least one secret"}),
        (_TEXT, {("secret",): _LITERAL}),
        (None, {("secret",): _LITERAL}),
        ([_TEXT, {"env": "A"}, 7, [{"env": "A"}]], {("secret", index): _LITERAL for index in (0, 2, 3)}),
        ([{"env": "A"}, {"env": "B"}, {"env": "A"}, {"env": "B"}], {("secret", index): _REPEATED for index in (2, 3)}),
    ],
)
def test_each_problem_has_its_place(written: object, problems: Mapping[tuple[object, ...], str]) -> None:
    with pytest.raises(ValidationError) as caught:
        _validated(written)
    assert {error.path: error.sentence for error in field_errors(caught.value, _Options)} == problems
    assert _TEXT[:8] not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        format,
        lambda secrets: f"{secrets!r:>40}",
        lambda secrets: str([secrets, {"a": secrets}]),
        lambda secrets: repr(_Options(secret=secrets)),
        lambda secrets: str(_Options(secret=secrets).model_dump()),
    ],
)
def test_no_way_of_printing_shows_a_secret(show: Callable[[object], str]) -> None:
    shown = show(SecretList([Secret(_TEXT), Secret("other")]))
    assert "SecretList(sealed)" in shown
    assert _TEXT[:8] not in shown


@pytest.mark.parametrize(
    "leave",
    [pickle.dumps, copy.copy, copy.deepcopy, vars, lambda secrets: _Options(secret=secrets).model_dump_json()],
)
def test_no_way_of_copying_or_dumping_it_works(leave: Callable[[object], object]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        leave(SecretList([Secret(_TEXT)]))
    assert _TEXT[:8] not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        ({"env": "A"}, True),
        ({"file": "run/a"}, True),
        ([{"env": "A"}], True),
        ([{"env": "A"}, {"credential": "b"}], True),
        ([], False),
        ([{"env": "A"}, {"env": "A"}], False),
        ("text", False),
        (["text"], False),
        ({"env": "A", "file": "run/a"}, False),
        ([{"vault": "a"}], False),
    ],
)
def test_the_json_schema_accepts_what_the_model_accepts(written: object, fits: bool) -> None:
    assert Draft202012Validator(_Options.model_json_schema()).is_valid({"secret": written}) is fits
