"""Phrases that readers had to read twice do not come back. Each has its better form beside it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
BETTER: Final = {
    r"\banew\b": "again",
    r"\brules? lacks?\b|\beach (other )?one lacks\b": "does not match",
    r"\bperhaps\b": "optionally, or may",
    r"\bmended\b": "fixed",
    r"\bfor want of\b": "because there is no",
    r"\bheld against\b": "compared with",
    r"\bthrow(s|n)? (them|him|her) out\b": "disconnect",
    r"\bshut(s)? (somebody|a user|them) out\b": "block",
    r"\bstands? twice\b": "is given twice, or is a duplicate",
    r"\b(caller \S+|00[67]) wants\b": "expects",
    r"\bwhosoever\b": "whoever",
    r"\bfor the time being\b": "temporarily",
    r"\ba credential is needed\b": "authentication required",
    r"\bis not known here\b": "unknown",
    r"\bsays no\b": "returns 503, or rejects",
    r"\bspoken (to|too)\b": "is compatible with",
    r"\bgo(es)? before (everything|all)\b": "takes precedence",
    r"\bin silence\b": "silently",
    r"\bheed(s|ed)?\b": "use, or follow",
    r"\bsmall letters\b": "lower case",
    r"\bends? TLS\b": "terminates TLS",
    r"\b(Redis|server) is away\b": "is unavailable, or does not respond",
    r"\bbefore that (it|a token) ends\b": "before it expires",
    r"\bwho(ever)? is in the room\b": "participants",
}
FOLDERS: Final = ("tokend", "docs", "plugins", "clients", "deploy")
SUFFIXES: Final = {".py", ".md", ".js", ".html", ".yaml"}
RECORDS: Final = ("docs/decisions", "docs/reference")
"""What was decided or observed once keeps its words."""


def _files() -> Iterator[Path]:
    yield ROOT / "README.md"
    yield ROOT / "CONTRIBUTING.md"
    yield ROOT / "config.yaml"
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            kept = any(path.is_relative_to(ROOT / record) for record in RECORDS)
            if path.suffix in SUFFIXES and not kept and "node_modules" not in path.parts:
                yield path


def retired(text: str) -> list[str]:
    """Each retired phrase in the text, and what to write. A phrase may go over the end of a line."""
    flat = re.sub(r"\s+(#\s+)?", " ", text)
    return [
        f"{found[0]!r}: write {better}" for phrase, better in BETTER.items() if (found := re.search(phrase, flat, re.I))
    ]


@pytest.mark.parametrize("path", list(_files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_retired_phrase(path: Path) -> None:
    assert retired(path.read_text()) == []


def test_a_retired_phrase_is_found_over_two_lines() -> None:
    assert retired("what they are held\n    against") == ["'held against': write compared with"]
