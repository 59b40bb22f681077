"""The sentences of Markdown pages, and how many words each has."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN: Final = MarkdownIt().enable("table")
_CODE: Final = "`code`"
_END: Final = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)[\"')”]*\s+")
_WORD: Final = re.compile(r"\w")


def words(sentence: str) -> int:
    """How many words the sentence has. Code counts as one word, whatever it holds."""
    return sum(_WORD.search(word) is not None for word in sentence.split())


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
    parts = {"text": lambda token: token.content, "code_inline": lambda token: _CODE}
    parts |= {"softbreak": lambda _: " ", "hardbreak": lambda _: ". "}
    return "".join(parts[token.type](token) for token in tokens if token.type in parts)
