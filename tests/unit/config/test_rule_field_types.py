"""A rule limits a detail by texts or numbers only if the request field of that name takes some."""

from pathlib import Path
from typing import ClassVar, Final, Literal

import pytest
from pydantic import Field

from tests.assembling import assemble
from tests.unit.core.any_kind import AnyKind
from tokend.backends.contract import Backend
from tokend.config.problems import ConfigurationError
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.declarations import FREE
from tokend.core.validation import StrictModel
from tokend.issuing.field_types import json_types

_YAML: Final = """
apps:
  demo:
    backends: [stage, plain]
    callers:
      anybody: {anonymous: true, rules: [RULE]}
"""


class Part(StrictModel):
    name: str


class StageFields(StrictModel):
    sources: list[str] | None = None
    level: int | None = None
    title: str | None = None
    side: Literal["left", "right"] | None = None
    either: list[str] | str | None = None
    part: Part | None = None
    live: bool = False
    free: object = Field(default=None)


class PlainFields(StrictModel):
    sources: str | None = None


class Stage(AnyKind):
    Fields: ClassVar[type[StrictModel]] = StageFields
    details: ClassVar = dict.fromkeys((*StageFields.model_fields, "computed"), FREE)


class Plain(AnyKind):
    Fields: ClassVar[type[StrictModel]] = PlainFields
    details: ClassVar = {"sources": FREE}


KINDS: Final[dict[str, type[Backend]]] = {"stage": Stage, "plain": Plain}
NEITHER: Final = "takes no text and no number: write true for any value, or false for none"
NUMBERS: Final = "takes numbers: write one or more of them without quotes, true for any value, or false for none"


def _problems(rule: str) -> list[str]:
    try:
        assemble(parse(_YAML.replace("RULE", rule), "config.yaml"), "config.yaml", Secrets({}, Path()), KINDS)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ("sources: camera", NEITHER),
        ("sources: [camera]", NEITHER),
        ("sources: 1", NEITHER),
        ("part: left", NEITHER),
        ("live: 'true'", NEITHER),
        ("level: '2'", NUMBERS),
        ("level: [2, '*']", NUMBERS),
    ],
)
def test_a_value_that_the_field_never_takes_is_an_error(fields: str, sentence: str) -> None:
    name = fields.partition(":")[0]
    (problem,) = _problems(f"{{kinds: stage, fields: {{{fields}}}}}")
    assert problem.startswith("config.yaml:6:")
    assert problem.endswith(f"apps.demo.callers.anybody.rules[0].fields.{name}: {sentence}")


@pytest.mark.parametrize(
    "fields",
    [
        *(
            "sources: true",
            "sources: false",
            "level: 2",
            "level: [1, 2]",
            "title: Ann",
            "title: [Ann, 2]",
            "side: left",
        ),
        *("either: camera", "live: true", "free: text", "computed: text"),
    ],
)
def test_other_limits_are_none(fields: str) -> None:
    assert _problems(f"{{kinds: stage, fields: {{{fields}}}}}") == []


def test_one_of_several_kinds_has_to_take_it() -> None:
    assert _problems("{kinds: [stage, plain], fields: {sources: camera}}") == []
    assert _problems("{fields: {sources: camera}}") == []


def test_the_types_of_fields() -> None:
    types = json_types(StageFields)
    assert types["sources"] == {"array"}
    assert types["either"] == {"array", "string"}
    assert types["part"] == {"object"}
    assert types["side"] == {"string"}
    assert types["free"] >= {"string", "array"}
