"""A template of claims: constants and placeholders, written from values and read back.

`"{channel}"` is the value of the field `channel`, with its type. `"room:{channel}"` is a text that contains it.
`"{issued_at - 30}"` is a time 30 seconds earlier. `{{` and `}}` are braces. A text or list that names a missing value is left
out.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from math import isfinite
from typing import Any, Final

import msgspec.json

from tokend.core.validation import redact_secrets, suggestion

ISSUED_AT: Final = "issued_at"
EXPIRES_AT: Final = "expires_at"
NONCE: Final = "nonce"
TIMES: Final = (ISSUED_AT, EXPIRES_AT)
"""In Unix seconds."""
MAX_OFFSET: Final = 3600
"""Seconds between the issue time and a time that is computed from it. No vendor's limit: ours."""
TEXT: Final = "text"
INTEGER: Final = "integer"
INSIDE_TEXTS: Final = (TEXT, INTEGER)
"""Types of values that a longer text may contain."""
_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])")
_PLACEHOLDER: Final = re.compile(r"([a-z][a-z0-9_]*)(?: *([+-]) *([0-9]{1,5}))?")
_MISSING: Final = object()

Path = tuple[str | int, ...]
Problem = tuple[Path, str]
"""Where something is wrong in the claims, and a sentence that continues the name of the place."""


class Invalid(Exception):
    """A text of the template is wrong. The message continues the name of its place."""


class Node(ABC):
    """A part of the template."""

    @abstractmethod
    def write(self, values: Mapping[str, Any]) -> object:
        """What a token holds in this place, or `_MISSING`."""

    @abstractmethod
    def read(self, written: object, values: dict[str, Any]) -> None:
        """Add the values that can be recognised in what a token holds. It checks nothing."""


class _Constant(Node):
    def __init__(self, value: object) -> None:
        self._value = value

    def write(self, values: Mapping[str, Any]) -> object:
        return self._value

    def read(self, written: object, values: dict[str, Any]) -> None:
        """A constant contains no value."""


class _Whole(Node):
    def __init__(self, name: str, offset: int) -> None:
        self.name = name
        self.offset = offset

    def write(self, values: Mapping[str, Any]) -> object:
        value = values.get(self.name, _MISSING)
        return value if value is _MISSING or not self.offset else value + self.offset

    def read(self, written: object, values: dict[str, Any]) -> None:
        if not self.offset:
            values.setdefault(self.name, written)
        elif type(written) is int:
            values.setdefault(self.name, written - self.offset)


class _Text(Node):
    """A text around values. If it holds several, none may contain what separates them: nobody could split it again."""

    def __init__(self, parts: list["str | _Whole"], types: Mapping[str, str]) -> None:
        self._parts = parts
        inner = parts[1 if isinstance(parts[0], str) else 0 : -1 if isinstance(parts[-1], str) else None]
        separators = "|".join(re.escape(part) for part in inner if isinstance(part, str))
        text = f"((?:(?!{separators}).)+)" if separators else "(.+)"
        self._types = types
        forms = {TEXT: text, INTEGER: "(-?[0-9]{1,18})"}
        self._pattern = re.compile(
            "".join(re.escape(part) if isinstance(part, str) else forms[types[part.name]] for part in parts), re.DOTALL
        )

    def write(self, values: Mapping[str, Any]) -> object:
        written = [part if isinstance(part, str) else part.write(values) for part in self._parts]
        return _MISSING if _MISSING in written else "".join(map(str, written))

    def read(self, written: object, values: dict[str, Any]) -> None:
        match = self._pattern.fullmatch(written) if isinstance(written, str) else None
        if match is not None:
            for part, text in zip(
                (part for part in self._parts if isinstance(part, _Whole)), match.groups(), strict=True
            ):
                part.read(int(text) if self._types[part.name] == INTEGER else text, values)


class _Mapping(Node):
    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes

    def write(self, values: Mapping[str, Any]) -> dict[str, object]:
        written = ((key, node.write(values)) for key, node in self._nodes.items())
        return {key: value for key, value in written if value is not _MISSING}

    def read(self, written: object, values: dict[str, Any]) -> None:
        if isinstance(written, dict):
            for key in self._nodes.keys() & written.keys():
                self._nodes[key].read(written[key], values)


class _List(Node):
    def __init__(self, nodes: list[Node]) -> None:
        self._nodes = nodes

    def write(self, values: Mapping[str, Any]) -> object:
        written = [node.write(values) for node in self._nodes]
        return _MISSING if _MISSING in written else written

    def read(self, written: object, values: dict[str, Any]) -> None:
        if isinstance(written, list):
            for node, item in zip(self._nodes, written, strict=False):
                node.read(item, values)


class Template:
    """The claims of a token. `types`: the type of each value by name, such as text; times are integers, the nonce is text."""

    def __init__(self, claims: Mapping[str, object], types: Mapping[str, str]) -> None:
        """Claims that are wrong are reported in `problems`; the others are kept."""
        self.problems: list[Problem] = []
        self.names: set[str] = set()
        """Those of the values that the claims contain."""
        self._types = {**types, **dict.fromkeys(TIMES, INTEGER), NONCE: TEXT}
        self._root = _Mapping({name: self._node(value, (name,)) for name, value in claims.items()})

    def write(self, values: Mapping[str, Any]) -> dict[str, object]:
        """The claims with these values. A missing value leaves out the text or list that names it."""
        return self._root.write(values)

    def read(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """The values in claims. Whether `write` makes these claims of them is for the caller to check, with `same`."""
        values: dict[str, Any] = {}
        self._root.read(claims, values)
        return values

    def _node(self, value: object, path: Path) -> Node:
        if isinstance(value, str):
            try:
                return self._text(value)
            except Invalid as error:
                self.problems.append((path, str(error)))
        elif isinstance(value, Mapping):
            return _Mapping({str(key): self._node(below, (*path, str(key))) for key, below in value.items()})
        elif isinstance(value, list):
            return _List([self._node(below, (*path, index)) for index, below in enumerate(value)])
        elif value is not None and type(value) not in (bool, int, float):
            self.problems.append((path, "must be text, a number, true, false, a mapping or a list"))
        elif isinstance(value, float) and not isfinite(value):
            self.problems.append((path, "must be a finite number: JSON has no other"))
        return _Constant(value)

    def _text(self, text: str) -> Node:
        parts: list[str | _Whole] = []
        literal, end = "", 0
        for match in _PART.finditer(text):
            literal, end = literal + text[end : match.start()], match.end()
            if match.group() in ("{{", "}}"):
                literal += match.group()[0]
                continue
            if match.group(2):
                raise Invalid(f"has a single '{match.group(2)}': write {match.group(2) * 2} for a brace")
            parts += [literal] if literal else []
            parts.append(self._placeholder(match.group(1)))
            literal = ""
        literal += text[end:]
        parts += [literal] if literal or not parts else []
        if len(parts) > 1:
            self._check_parts(parts)
            return _Text(parts, self._types)
        (part,) = parts
        return _Constant(part) if isinstance(part, str) else part

    def _placeholder(self, written: str) -> _Whole:
        match = _PLACEHOLDER.fullmatch(written.strip())
        if match is None:
            raise Invalid(
                f"has {{{redact_secrets(written)}}}, which is no name of a field: write {{{{ and }}}} for braces"
            )
        name, sign, seconds = match.groups()
        if name not in self._types:
            raise Invalid(f"names {{{redact_secrets(name)}}}, which is no field{suggestion(name, self._types)}")
        self.names.add(name)
        if sign is None:
            return _Whole(name, 0)
        if name != ISSUED_AT:
            raise Invalid(f"adds seconds to {{{name}}}: only {{{ISSUED_AT}}} can be moved")
        if int(seconds) > MAX_OFFSET:
            raise Invalid(f"moves {{{ISSUED_AT}}} by over {MAX_OFFSET} s")
        return _Whole(name, int(f"{sign}{seconds}"))

    def _check_parts(self, parts: list[str | _Whole]) -> None:
        for part in parts:
            if isinstance(part, _Whole) and self._types[part.name] not in INSIDE_TEXTS:
                raise Invalid(f'must be "{{{part.name}}}" alone: {part.name} is no text and no whole number')
        for part, following in pairwise(parts):
            if isinstance(part, _Whole) and isinstance(following, _Whole):
                raise Invalid(f"needs a separator between {{{part.name}}} and {{{following.name}}}, such as ':'")


def same(claims: object, other: object) -> bool:
    """Whether two values are the same JSON, including the types of numbers. The order of keys does not matter."""
    return _canonical(claims) == _canonical(other)


def _canonical(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
