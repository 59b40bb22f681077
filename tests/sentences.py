"""The sentences of Markdown pages, and how many words each has."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN: Final = MarkdownIt().enable("table")
_CODE: Final = "`code`"
_NAMES: Final = re.compile(rf"{_CODE}(?: \([^()]*\))?(?:(?:[,;:]| and| or|, and|, or|, then) {_CODE}(?: \([^()]*\))?)+")
"""An enumeration of names, each of which may have a remark in brackets. It is read as a list, so it counts as one word."""
_END: Final = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)[\"')”]*\s+")
_WORD: Final = re.compile(r"\w")


def words(sentence: str) -> int:
    """How many words the sentence has. Code counts as one word, whatever it holds, and so does a list of code."""
    return sum(_WORD.search(word) is not None for word in _NAMES.sub(_CODE, sentence).split())


def split(text: str) -> list[str]:
    """The sentences of plain text: each ends with `.`, `!` or `?` before a blank."""
    return [sentence for sentence in _END.split(" ".join(text.split())) if sentence]


def sentences(markdown: str) -> Iterator[tuple[int, str]]:
    """Each sentence of a page with its line: of paragraphs, list items, quotes, and cells of tables."""
    line = 0
    for token in _MARKDOWN.parse(markdown):
        line = token.map[0] + 1 if token.map else line
        if token.type == "inline":
            for sentence in split(_plain(token.children or ())):
                yield line, sentence


def _plain(tokens: Iterable[Token]) -> str:
    """Inline content as text: a link as its words, code as one word, a picture as nothing."""
    parts = {"code_inline": _CODE, "softbreak": " ", "hardbreak": ". ", "html_inline": ". "}  # <br> ends a line
    return "".join(token.content if token.type == "text" else parts.get(token.type, "") for token in tokens)
