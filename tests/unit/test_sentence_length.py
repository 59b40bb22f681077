"""A sentence has at most 25 words: in pages, in the help of each command, in descriptions of the JSON Schema, and in messages."""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from docs.site.reference.commands import _parsers
from tests.running import ROOT
from tests.sentences import sentences, split, words
from tokend.cli import commands
from tokend.config.schema import json_schema

LONGEST: Final = 25
"""Words."""
RECORDS: Final = ("docs/decisions", "docs/figures.md")
"""What was decided once keeps its words; the figures are written by `make proofs`."""
PAGES: Final = [
    path
    for folder in ("docs", "plugins", "clients", "deploy")
    for path in sorted((ROOT / folder).rglob("*.md"))
    if not any(path.is_relative_to(ROOT / record) for record in RECORDS) and "node_modules" not in path.parts
] + [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_no_sentence_of_a_page_is_too_long(path: Path) -> None:
    text = path.read_text("utf-8")
    too_long = [
        f"line {line}, {words(sentence)} words: {sentence}"
        for line, sentence in sentences(text)
        if words(sentence) > LONGEST
    ]
    assert too_long == []


def _too_long(text: str | None) -> list[str]:
    return [sentence for sentence in split(text or "") if words(sentence) > LONGEST]


def test_no_sentence_of_the_help_is_too_long() -> None:
    parsers = [commands._parser(), *_parsers(commands._parser())]
    texts = [text for parser in parsers for text in (parser.description, parser.epilog, *_help(parser))]
    assert [sentence for text in texts for sentence in _too_long(text)] == []


def _help(parser: argparse.ArgumentParser) -> list[str | None]:
    return [action.help for action in parser._actions]


def _descriptions(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            yield schema["description"]
        for below in schema.values():
            yield from _descriptions(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from _descriptions(below)


def test_no_sentence_of_the_json_schema_is_too_long() -> None:
    found = {sentence for text in _descriptions(json_schema()) for sentence in _too_long(text)}
    assert found == set()


MODULES: Final = sorted((ROOT / "tokend").rglob("*.py"))
_QUOTED: Final = re.compile(r"`[^`]*`|\{[^}]*\}")


def _messages(path: Path) -> Iterator[str]:
    """Each text of a module that is neither documentation nor a program, with `x` for what is put into it."""
    tree = ast.parse(path.read_text("utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Expr) for part in _parts(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            texts = (str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
            yield "".join(texts).replace(".x", ". x")
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not (id(node) in parts or "\n" in node.value)
        ):
            yield node.value


def _parts(node: ast.JoinedStr | ast.Expr) -> list[ast.expr]:
    return node.values if isinstance(node, ast.JoinedStr) else [node.value]


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_sentence_of_a_message_is_too_long(path: Path) -> None:
    assert [sentence for text in _messages(path) for sentence in _too_long(_QUOTED.sub("`code`", text))] == []


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("One two. Three four five.", [2, 3]),
        ("Write `a: b`, `c` and `d (e)` here.", [3]),
        ("See [the page](x.md), e.g. this.\n\n- item one\n- item two", [5, 2, 2]),
        ("| one | two three |\n|---|---|\n| four | five |", [1, 2, 1, 1]),
        ("```sh\nno words are counted here\n```\n\nOne<br>two", [1, 1]),
    ],
)
def test_words_are_counted_as_they_are_read(text: str, counts: list[int]) -> None:
    assert [words(sentence) for _, sentence in sentences(text)] == counts
