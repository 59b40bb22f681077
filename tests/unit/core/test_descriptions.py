"""Descriptions of keys, at any depth of a model: through lists, mappings, `| None`, Annotated and root models."""

from typing import Annotated

import pytest
from pydantic import BaseModel, Field, RootModel

from tokend.core.validation import StrictModel, field_at, known_keys, redact_secrets, suggestion


class Leaf(StrictModel):
    size: int = Field(description="how large it is")
    plain: int = 0


class Names(RootModel[list[Leaf]]):
    pass


class Branch(StrictModel):
    leaf: Leaf = Field(description="the only leaf")
    maybe: Leaf | None = Field(default=None, description="a leaf, or none")
    several: list[Leaf] = Field(default=[], description="leaves")
    named: dict[str, Leaf] = Field(default={}, description="leaves by name")
    noted: Annotated[Leaf, "a note"] = Field(description="a leaf with a note")
    either: str | Leaf = Field(description="a text or a leaf")
    rooted: Names = Field(description="leaves in a root model")
    other: int = Field(alias="other-name", description="has another name in YAML")


@pytest.mark.parametrize(
    ("path", "description"),
    [
        (("leaf",), "the only leaf"),
        (("leaf", "size"), "how large it is"),
        (("maybe", "size"), "how large it is"),
        (("several",), "leaves"),
        (("several", 3, "size"), "how large it is"),
        (("named", "any", "size"), "how large it is"),
        (("noted", "size"), "how large it is"),
        (("either", "size"), "how large it is"),
        (("rooted", 0, "size"), "how large it is"),
        (("other-name",), "has another name in YAML"),
        (("other",), None),
        (("leaf", "plain"), None),
        (("leaf", "unknown"), None),
        (("leaf", "size", "deeper"), None),
        (("named", "any"), None),
        ((), None),
    ],
)
def test_the_description_at_a_path(path: tuple[str | int, ...], description: str | None) -> None:
    field = field_at(Branch, path)
    assert (field and field.description) == description


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (("rooted", 0), ["size", "plain"]),
        (("either",), ["size", "plain"]),
        (("noted",), ["size", "plain"]),
        (("several",), []),
        (("leaf", "size"), []),
    ],
)
def test_the_keys_at_a_path(path: tuple[str | int, ...], keys: list[str]) -> None:
    assert known_keys(Branch, path) == keys
    model: type[BaseModel] = Branch
    assert known_keys(model, ())[-1] == "other-name"


@pytest.mark.parametrize(
    ("word", "known", "sentence"),
    [
        ("may", ["many"], ", did you mean 'many'?"),
        ("chanel", ["channel", "user"], ", did you mean 'channel'?"),
        ("abcde", ["abcxy", "zzzzz"], ", did you mean 'abcxy'?"),  # 6 of 10 letters alike: just near enough
        ("abcde", ["abxyz", "zzzzz"], "; known: abxyz, zzzzz"),
        ("abcde", ["b", "a"], "; known: a, b"),
        ("abcde", [], ""),
    ],
)
def test_a_suggestion(word: str, known: list[str], sentence: str) -> None:
    assert suggestion(word, known) == sentence


@pytest.mark.parametrize(
    ("text", "shown"),
    [("tab\there", "tab\\there"), ("é", "é"), ("line\nbreak", "line\\nbreak")],
)
def test_a_text_without_a_secret_is_shown(text: str, shown: str) -> None:
    assert redact_secrets(text) == shown
