"""YAML text -> mappings and lists that know where each key and item stands. The first of the three passes.

Strict: duplicate keys, aliases, merge keys, tags and several documents are refused; plain scalars are YAML 1.2's, so
`no` is text and `0123` a number. Knows nothing of what the keys mean.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from msgspec import Struct

from tokend.core.validation import shown

MAX_DEPTH: Final = 32
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT: Final = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DOTTED_NAME: Final = re.compile(r"\.([a-zA-Z])")  # YAML writes .inf and .NaN
_CONSTANTS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Mark(Struct, frozen=True, order=True):
    """A place in a file; line and column count from 1, line 0 means the file (or the environment) as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Map(dict[str, Any]):
    """A mapping, with the mark of each key. `path` is where it stands in the whole configuration, once merged."""

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: dict[str, Mark] = {}
        self.path: tuple[str | int, ...] = ()

    def put(self, key: str, value: object, mark: Mark) -> None:
        self[key] = value
        self.marks[key] = mark


class Seq(list[Any]):
    """A list, with the mark of each item. `path` as in `Map`."""

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: list[Mark] = []
        self.path: tuple[str | int, ...] = ()

    def put(self, value: object, mark: Mark) -> None:
        self.append(value)
        self.marks.append(mark)


class YamlError(Exception):
    """Everything that keeps a file from being read: `problems` are marks with sentences."""

    def __init__(self, problems: list[tuple[Mark, str]]) -> None:
        super().__init__()
        self.problems = problems


def parse(text: str, file: str) -> Map:
    """The file's one mapping; an empty file is an empty one. `YamlError` with all that is wrong."""
    return _Builder(file).build(text)


class _Builder:
    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[tuple[Mark, str]] = []
        self._events: Iterator[Any] = iter(())

    def build(self, text: str) -> Map:
        root: object = None
        documents = 0
        try:
            self._events = iter(yaml.parse(text, Loader=_Loader))
            for event in self._events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self._problem(event, "a second document begins here: one file holds one")
                elif isinstance(event, yaml.NodeEvent):
                    root = self._node(event, 0)
        except yaml.MarkedYAMLError as error:
            at = error.problem_mark or error.context_mark
            mark = Mark(self._file, at.line + 1, at.column + 1) if at else Mark(self._file)
            self._problems.append((mark, f"this is not valid YAML: {error.problem or error.context}"))
        except yaml.YAMLError:
            self._problems.append(
                (Mark(self._file), "this is not valid YAML: it holds a character that no text file has")
            )
        except _TooDeep as error:
            self._problems.append((error.mark, f"nested more than {MAX_DEPTH} levels deep"))
        if not self._problems and root is not None and not isinstance(root, Map):
            self._problems.append((Mark(self._file, 1, 1), "the file must hold a mapping"))
        if self._problems:
            raise YamlError(sorted(self._problems))
        return root if isinstance(root, Map) else Map(Mark(self._file, 1, 1))

    def _node(self, event: Any, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise _TooDeep(self._mark(event))
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, "aliases (*name) are not used here: write the value out, or use `defaults`")
            return None
        if event.anchor is not None:
            self._problem(event, "anchors (&name) are not used here: write the value out, or use `defaults`")
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.implicit[1]):
            self._problem(event, "tags (!name) are not used here: put text that begins with ! in quotes")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        return _scalar(event.value) if event.implicit[0] else event.value

    def _mapping(self, start: Any, depth: int) -> Map:
        found = Map(self._mark(start))
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            mark = self._mark(event)
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if key == "<<":
                self._problems.append((mark, "merge keys (<<) are not used here: use `defaults`"))
            elif not isinstance(key, str):
                self._problems.append((mark, "a key must be text: put it in quotes"))
            elif key in found:
                self._problems.append(
                    (mark, f"the key '{shown(key)}' stands twice; it stands first in line {found.marks[key].line}")
                )
            else:
                found.put(key, value, mark)
        return found

    def _sequence(self, start: Any, depth: int) -> Seq:
        found = Seq(self._mark(start))
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            mark = self._mark(event)
            found.put(self._node(event, depth + 1), mark)
        return found

    def _mark(self, event: Any) -> Mark:
        return Mark(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _problem(self, event: Any, sentence: str) -> None:
        self._problems.append((self._mark(event), sentence))


class _TooDeep(Exception):
    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark


def _scalar(text: str) -> object:
    """A plain scalar by YAML 1.2's core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(_DOTTED_NAME.sub(r"\1", text))
    return text
