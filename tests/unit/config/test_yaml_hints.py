"""What is said of files that are not valid YAML: the cause, and where it begins."""

import pytest

from tokend.config.yaml_tree import YamlError, parse

HINTS = {
    "apps:\n\tdemo: 1\n": (2, 1, "this line is indented with a tab: write spaces instead"),
    "apps:\n  demo:\n\t  a: 1\n": (3, 1, "this line is indented with a tab: write spaces instead"),
    "apps:\n  demo:\n    a: 1\n\tb: 2\n": (4, 1, "this line is indented with a tab: write spaces instead"),
    "a:\n  channel: *\n  b: 1\n": (2, 12, 'text may not begin with *: put the whole text in quotes, such as "*"'),
    "a: {channel: *, b: 1}\n": (1, 14, 'text may not begin with *: put the whole text in quotes, such as "*"'),
    "a: {user: *}\n": (1, 11, 'text may not begin with *: put the whole text in quotes, such as "*"'),
    "a: [*]\n": (1, 5, 'text may not begin with *: put the whole text in quotes, such as "*"'),
    "a:\n  user: {claims.sub}-x\n  b: 1\n": (
        2,
        21,
        "something stands after the end of a value: remove it, or put the whole text in quotes",
    ),
    "a: {channel: room-{claims.org}-*, user: x}\n": (1, 19, "this text holds {: put the whole text in quotes"),
    'a: "abc\nb: 1\nc: 2\n': (1, 4, "the quote that begins here is never closed"),
    'a: "abc\nb: "x"\nc: 2\n': (1, 4, "the quote that begins here is not closed in its line"),
    "a: 'abc\nb: 1\n": (1, 4, "the quote that begins here is never closed"),
    'apps:\n  x: {a: "abc, b: 1}\n  y: {c: "d"}\n': (2, 10, "the quote that begins here is not closed in its line"),
    "a: {b: 1\nc: 2\n": (1, 4, "the { that begins here has no } before line 2, or a comma is missing there"),
    "a: {b: 1\n": (1, 4, "the { that begins here has no } before line 2, or a comma is missing there"),
    "a: [b, c\nd: 1\n": (1, 4, "the [ that begins here has no ] before line 2, or a comma is missing there"),
    "a:\n  b: 1\n   c: 2\n": (3, 4, "this line is indented deeper than the keys before it: align it with them"),
    "a:\n    b: 1\n  c: 2\n": (
        3,
        3,
        "this line is indented otherwise than the keys of its mapping, which begins in line 1",
    ),
    "  a: 1\nb: 2\n": (2, 1, "this line is indented less than the lines before it: align the keys of one mapping"),
    "a:\n  - x\n  b: 1\n": (3, 3, "the list of line 2 goes on here without a -: indent this line otherwise"),
    "a: %x\n": (1, 4, "text may not begin with %: put the whole text in quotes"),
    "a: @x\n": (1, 4, "text may not begin with @: put the whole text in quotes"),
    "a: `x`\n": (1, 4, "text may not begin with `: put the whole text in quotes"),
    "a: b: c\n": (1, 5, "this text holds a colon with a space after it: put the whole text in quotes"),
    "message: see: this\n": (1, 13, "this text holds a colon with a space after it: put the whole text in quotes"),
    "apps:\n  demo\n  x: 1\n": (2, 3, "this line has no colon with a space after it: write key: value"),
    "apps:\n  demo:1\n  x: 1\n": (2, 3, "this line has no colon with a space after it: write key: value"),
    'a: "\\d"\n': (1, 5, "a backslash in double quotes begins an escape: write \\\\, or use single quotes"),
    'a: "C:\\users"\n': (1, 9, "a backslash in double quotes begins an escape: write \\\\, or use single quotes"),
    'a: "abc\n---\nb: 1\n': (1, 4, "the quote that begins here is never closed"),
    "a: &\n": (1, 4, 'text may not begin with &: put the whole text in quotes, such as "&"'),
    "a: & b\n": (1, 4, 'text may not begin with &: put the whole text in quotes, such as "&"'),
    "a: |x\n": (1, 4, 'text may not begin with |: put the whole text in quotes, such as "|"'),
    "a: >x\n": (1, 4, 'text may not begin with >: put the whole text in quotes, such as ">"'),
    "a: ? b\n": (1, 4, "text may not begin with ?: put the whole text in quotes"),
    'a: "b" c\n': (1, 8, "something stands after the end of a value: remove it, or put the whole text in quotes"),
    "a: }\n": (1, 4, "} stands where a value should begin: remove it, or put the whole text in quotes"),
    "a: [1]]\n": (1, 7, "something stands after the end of a value: remove it, or put the whole text in quotes"),
    "a: - b\n": (1, 4, "a list may not begin here: write it as [a, b], or each - on a line of its own"),
    "a: {b: 1 c: 2}\n": (1, 11, "a comma or } is missing before this"),
    'a: {b: "1" c: 2}\n': (1, 12, "a comma or } is missing before this"),
    "%x\na: 1\n": (1, 1, "text may not begin with %: put the whole text in quotes"),
    "a: [\n": (2, 1, "the file ends where a value or a closing bracket should stand"),
    "a: !x[y\n": (1, 4, "text may not begin with !: put the whole text in quotes"),
    "a: {user:}\n": (1, 9, "a space is missing after this colon: write key: value"),
    "a:\n  b: 1\n\u00a0\u00a0c: 2\n  d: 3\n": (
        3,
        1,
        "this line is indented with another space than the usual one, such as a no-break space: type it again",
    ),
    "origins: [*.example.com]\n": (1, 11, 'text may not begin with *: put the whole text in quotes, such as "*"'),
}


@pytest.mark.parametrize(("text", "expected"), HINTS.items())
def test_the_hint_names_the_cause_and_its_line(text: str, expected: tuple[int, int, str]) -> None:
    with pytest.raises(YamlError) as caught:
        parse(text, "config.yaml")
    ((location, sentence),) = caught.value.problems
    line, column, said = expected
    assert (location.line, location.column, sentence) == (line, column, f"this is not valid YAML: {said}")
