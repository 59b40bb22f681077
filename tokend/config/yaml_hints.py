"""Says in plain words what a YAML parser's error means: its cause, where the cause begins, and what to write instead."""

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

_QUOTE: Final = re.compile(r"""(?:^|(?<=[\s\[{,:]))(?:#|(["']))""")
_QUOTED: Final = {'"': re.compile(r'"(?:[^"\\]|\\.)*"'), "'": re.compile(r"'(?:[^']|'')*'")}
_FLOW: Final = {"while parsing a flow mapping": ("{", "}"), "while parsing a flow sequence": ("[", "]")}
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML does not allow in a file."""
_INDENT: Final = re.compile(r"[^\S\n]*")
_QUOTES: Final = "put the whole text in quotes"


class YamlHint(Struct, frozen=True):
    """`line` and `column` count from 1; `sentence` continues "this is not valid YAML: "."""

    line: int
    column: int
    sentence: str


class _Error(Struct, frozen=True):
    """What the parser says. Lines and columns count from 0.

    `begin_line` and `begin_column`: where the part begins that it could not parse.
    """

    lines: Sequence[str]
    problem: str
    context: str
    line: int
    column: int
    begin_line: int
    begin_column: int

    @property
    def text(self) -> str:
        """The line at which the parser stopped."""
        return self.lines[self.line] if self.line < len(self.lines) else ""

    @property
    def character(self) -> str:
        """The character at which it stopped; empty at the end of a line."""
        return self.text[self.column : self.column + 1]

    @property
    def begins_line(self) -> bool:
        """Whether only blanks precede that character."""
        return not self.text[: self.column].strip()

    def here(self, sentence: str) -> YamlHint:
        return YamlHint(self.line + 1, self.column + 1, sentence)

    def at_begin(self, sentence: str) -> YamlHint:
        return YamlHint(self.begin_line + 1, self.begin_column + 1, sentence)


def hint(error: Any, text: str) -> YamlHint:
    """The hint for a `yaml.MarkedYAMLError` with a mark; the parser's own words if its cause is not known."""
    mark = error.problem_mark or error.context_mark
    begin = error.context_mark or mark
    found = _Error(
        text.splitlines(),
        error.problem or "",
        error.context or "",
        mark.line,
        mark.column,
        begin.line,
        begin.column,
    )
    for explain in (_tab, _wide_space, _first_character, _open_quote, _flow, _colon, _block):
        if (explained := explain(found)) is not None:
            return explained
    return found.here(found.problem or found.context)


def place_of_unprintable(text: str) -> tuple[int, int]:
    """Line and column of the first character that YAML does not allow in a file; from 1."""
    before = text[: found.start()] if (found := _UNPRINTABLE.search(text)) else ""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _tab(error: _Error) -> YamlHint | None:
    if "tab character" in error.problem or error.character == "\t":
        where = "this line is indented with a tab" if error.begins_line else "a tab stands here"
        return error.here(f"{where}: write spaces instead")
    return None


def _wide_space(error: _Error) -> YamlHint | None:
    """An indentation with a space that is none to YAML, such as web pages and word processors have."""
    for number in range(max(error.line - 1, 0), min(error.line + 1, len(error.lines))):  # an earlier one may be text
        line = error.lines[number]
        if (indent := _INDENT.match(line)) and (wide := indent[0].strip(" \t")):
            sentence = (
                "this line is indented with another space than the usual one, such as a no-break space: type it again"
            )
            return YamlHint(number + 1, line.index(wide[0]) + 1, sentence)
    return None


def _first_character(error: _Error) -> YamlHint | None:
    """Text that begins with a character that means something else."""
    if "cannot start any token" in error.problem and error.character:
        return error.here(f"text may not begin with {error.character}: {_QUOTES}")
    if error.context in ("while scanning an alias", "while scanning an anchor", "while scanning a block scalar"):
        line = error.lines[error.begin_line]
        sign = line[error.begin_column : error.begin_column + 1]
        return error.at_begin(f'text may not begin with {sign}: {_QUOTES}, such as "{sign}"')
    if "expected node content" in error.problem and error.character:
        return error.here(f"{error.character} stands where a value should begin: remove it, or {_QUOTES}")
    if "expected node content" in error.problem:
        return error.here("the file ends where a value or a closing bracket should stand")
    if "a tag" in error.context or "tag URI" in error.problem:
        return error.at_begin(f"text may not begin with !: {_QUOTES}")
    if "could not find expected ':'" in error.problem:
        return error.at_begin("this has no colon with a space after it: write key: value")
    if "mapping keys are not allowed" in error.problem:
        return error.here(f"text may not begin with ?: {_QUOTES}")
    if "directive" in error.context:
        return error.at_begin(f"text may not begin with %: {_QUOTES}")
    if "found unexpected ':'" in error.problem:
        return error.here("a space is missing after this colon: write key: value")
    if "unknown escape" in error.problem or "hexdecimal number" in error.problem:  # after \x, \u and \U
        return error.here("a backslash in double quotes begins an escape: write \\\\, or use single quotes")
    return None


def _open_quote(error: _Error) -> YamlHint | None:
    """A quote that is not closed. The parser notices it at the next quote, or at the end of the file."""
    ends = "end of stream" in error.problem or "document indicator" in error.problem
    if ends and "quoted scalar" in error.context:
        return error.at_begin("the quote that begins here is never closed")
    if "did not find expected" not in error.problem:
        return None
    for number in range(error.begin_line, min(error.line + 1, len(error.lines))):
        if (column := _unclosed_quote(error.lines[number])) is not None:
            return YamlHint(number + 1, column + 1, "the quote that begins here is not closed in its line")
    return None


def _unclosed_quote(line: str) -> int | None:
    place = 0
    while (start := _QUOTE.search(line, place)) is not None and start[1] is not None:
        quoted = _QUOTED[start[1]].match(line, start.start(1))
        if quoted is None:
            return start.start(1)
        place = quoted.end()
    return None


def _flow(error: _Error) -> YamlHint | None:
    """Within `{ }` or `[ ]`."""
    if error.context not in _FLOW:
        return None
    opening, closing = _FLOW[error.context]
    if error.character in ("{", "["):
        return error.here(f"this text holds {error.character}: {_QUOTES}")
    if error.line > error.begin_line:
        return error.at_begin(
            f"the {opening} that begins here has no {closing} before line {error.line + 1}, or a comma is missing there"
        )
    return error.here(f"a comma or {closing} is missing before this")


def _colon(error: _Error) -> YamlHint | None:
    """A colon after a value: the value holds it, the line is indented too deep, or the line before has no colon."""
    if "mapping values are not allowed" not in error.problem:
        return None
    if ":" in error.text[: error.column]:
        return error.here(f"this text holds a colon with a space after it: {_QUOTES}")
    before = next((number for number in range(error.line - 1, -1, -1) if error.lines[number].strip()), None)
    indent = len(error.text) - len(error.text.lstrip()) + 1
    if before is None or re.search(r":(\s|$)", error.lines[before]):
        return YamlHint(
            error.line + 1, indent, "this line is indented deeper than the keys before it: align it with them"
        )
    column = len(error.lines[before]) - len(error.lines[before].lstrip()) + 1
    return YamlHint(before + 1, column, "this line has no colon with a space after it: write key: value")


def _block(error: _Error) -> YamlHint | None:
    """Keys or items that are not aligned, or something after a value."""
    if "block sequence entries are not allowed" in error.problem:
        return error.here("a list may not begin here: write it as [a, b], or each - on a line of its own")
    if "<document start>" in error.problem:
        return error.here("this line is indented less than the lines before it: align the keys of one mapping")
    if not error.context.startswith("while parsing a block"):
        return None
    if not error.begins_line:
        return error.here(f"something stands after the end of a value: remove it, or {_QUOTES}")
    if "'-' indicator" in error.problem:
        return error.here(
            f"the list of line {error.begin_line + 1} goes on here without a -: indent this line otherwise"
        )
    if error.character == "-":
        return error.here(f"an item of a list stands among the keys of the mapping of line {error.begin_line + 1}")
    return error.here(
        f"this line is indented otherwise than the keys of its mapping, which begins in line {error.begin_line + 1}"
    )
