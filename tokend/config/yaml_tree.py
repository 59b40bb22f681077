"""Parses YAML into mappings and lists that record the location of each key and item. The first of three passes.

Strict: duplicate keys, aliases, merge keys, tags and several documents are errors. Plain scalars follow YAML 1.2, so
`no` is text and `0123` is a number. This module does not interpret the keys.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from msgspec import Struct

from tokend.config.yaml_hints import hint, place_of_unprintable
from tokend.core.validation import redact_secrets

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


class Location(Struct, frozen=True, order=True):
    """A place in a file. Line and column count from 1; line 0 means the whole file, or the environment."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class LocatedDict(dict[str, Any]):
    """A mapping with the location of each key. `path`: its place in the whole configuration, set when it is merged.

    `is_blank`: it stands for a file without any content.
    """

    def __init__(self, location: Location, *, is_blank: bool = False) -> None:
        super().__init__()
        self.location = location
        self.is_blank = is_blank
        self.locations: dict[str, Location] = {}
        self.path: tuple[str | int, ...] = ()

    def put(self, key: str, value: object, location: Location) -> None:
        self[key] = value
        self.locations[key] = location


class LocatedList(list[Any]):
    """A list with the location of each item. `path`: as in `LocatedDict`."""

    def __init__(self, location: Location) -> None:
        super().__init__()
        self.location = location
        self.locations: list[Location] = []
        self.path: tuple[str | int, ...] = ()

    def put(self, value: object, location: Location) -> None:
        self.append(value)
        self.locations.append(location)


def located(value: Any, location: Location) -> Any:
    """Plain dicts and lists as trees, all of which stand at one location."""
    if isinstance(value, dict):
        found = LocatedDict(location)
        for key, below in value.items():
            found.put(key, located(below, location), location)
        return found
    if isinstance(value, list):
        listed = LocatedList(location)
        for item in value:
            listed.put(located(item, location), location)
        return listed
    return value


class YamlError(Exception):
    """A file cannot be read. `problems`: each location with a sentence."""

    def __init__(self, problems: list[tuple[Location, str]]) -> None:
        super().__init__()
        self.problems = problems


def parse(text: str, file: str, example: str = "apps: {demo: {…}}") -> LocatedDict:
    """The mapping that the file holds; empty for an empty file. Raises `YamlError` with all that is wrong.

    `example`: what to write, for the error of a file that holds no mapping.
    """
    return _Builder(file, example).build(text)


class _Builder:
    def __init__(self, file: str, example: str) -> None:
        self._file = file
        self._example = example
        self._problems: list[tuple[Location, str]] = []
        self._events: Iterator[Any] = iter(())

    def build(self, text: str) -> LocatedDict:
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
            found = hint(error, text)
            location = Location(self._file, found.line, found.column)
            self._problems.append((location, f"this is not valid YAML: {found.sentence}"))
        except yaml.YAMLError:
            line, column = place_of_unprintable(text)
            sentence = "this is not valid YAML: a character stands here that no text file has: delete it"
            self._problems.append((Location(self._file, line, column), sentence))
        if not self._problems and root is not None and not isinstance(root, LocatedDict):
            sentence = f"the file must hold a mapping, such as {self._example}"
            self._problems.append((Location(self._file, 1, 1), sentence))
        if self._problems:
            raise YamlError(sorted(self._problems))
        return root if isinstance(root, LocatedDict) else LocatedDict(Location(self._file, 1, 1), is_blank=True)

    def _node(self, event: Any, depth: int) -> object:
        if depth > MAX_DEPTH:
            self._problem(event, f"nested more than {MAX_DEPTH} levels deep")
            raise YamlError(sorted(self._problems))
        if isinstance(event, yaml.AliasEvent):
            self._problem(
                event, "aliases (*name) are not used here: put text that begins with * in quotes, or use `defaults`"
            )
            return None
        if event.anchor is not None:
            self._problem(
                event, "anchors (&name) are not used here: put text that begins with & in quotes, or use `defaults`"
            )
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.implicit[1]):
            self._problem(event, "tags (!name) are not used here: put text that begins with ! in quotes")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        return _scalar(event.value) if event.implicit[0] else event.value

    def _mapping(self, start: Any, depth: int) -> LocatedDict:
        found = LocatedDict(self._location(start))
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            location = self._location(event)
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if key == "<<":
                self._problems.append((location, "merge keys (<<) are not used here: use `defaults`"))
            elif not isinstance(key, str):
                self._problems.append((location, "a key must be text: put it in quotes"))
            elif key in found:
                self._problems.append(
                    (
                        location,
                        f"the key '{redact_secrets(key)}' is a duplicate: it is first in line {found.locations[key].line}",
                    )
                )
            else:
                found.put(key, value, location)
        return found

    def _sequence(self, start: Any, depth: int) -> LocatedList:
        found = LocatedList(self._location(start))
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            location = self._location(event)
            found.put(self._node(event, depth + 1), location)
        return found

    def _location(self, event: Any) -> Location:
        return Location(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _problem(self, event: Any, sentence: str) -> None:
        self._problems.append((self._location(event), sentence))


def _scalar(text: str) -> object:
    """The value of a plain scalar by the core schema of YAML 1.2."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(_DOTTED_NAME.sub(r"\1", text))
    return text
