"""Mappings and lists whose items stay usable if one of them is wrong, so that one pass reports every problem."""

import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError, ValidationInfo

from tokend.config.entry_points import BACKENDS, installed
from tokend.config.forms import APP, CALLER, ROUTE, form_at
from tokend.config.problems import KeyPath, Report
from tokend.config.yaml_tree import LocatedDict, LocatedList, Location
from tokend.core.validation import field_at, field_errors, invalid, redact_secrets


def report_of(info: ValidationInfo) -> Report:
    """The report of the tree that is validated."""
    context: Any = info.context
    report: Report = context["report"]
    return report


def _named(value: Any, info: ValidationInfo) -> Any:
    """Report values that are not mappings and replace each by an empty mapping, so that its name is still known."""
    if not isinstance(value, LocatedDict):
        return value
    return {key: _mapping(below, (*value.path, key), info) for key, below in value.items()}


def _listed(value: Any, info: ValidationInfo) -> Any:
    """Do the same in a list, so that the other items keep their indexes."""
    if not isinstance(value, LocatedList):
        return value
    return [_mapping(item, (*value.path, index), info) for index, item in enumerate(value)]


def _mapping(value: object, path: KeyPath, info: ValidationInfo) -> LocatedDict:
    if isinstance(value, LocatedDict):
        return value
    report_of(info).add_broken(path, f"must be a mapping, such as {_EXAMPLES[str(path[-2])]}")
    empty = LocatedDict(Location(""))
    empty.path = path
    return empty


_EXAMPLES: Final = {
    "apps": APP,
    "callers": CALLER,
    "routes": ROUTE,
    "backends": "{} for a kind without options",
}
"""By the key around them."""


def mapped(value: Any, info: ValidationInfo) -> Any:
    """Turn a list of names, or names without options, into a mapping of names to empty options."""
    if isinstance(value, LocatedDict):
        options = LocatedDict(value.location)
        options.path = value.path
        for key, written in value.items():
            options.put(key, LocatedDict(value.locations[key]) if written is None else written, value.locations[key])
        return _named(options, info)
    listed = isinstance(value, list) and all(isinstance(kind, str) for kind in value)
    if not listed or len(set(value)) < len(value):
        raise invalid("must be a list of different names, or a mapping of names to options")
    return {kind: {} for kind in value}


T = TypeVar("T")
Named = Annotated[dict[str, T], BeforeValidator(_named)]
Listed = Annotated[list[T], BeforeValidator(_listed)]


_PLACEHOLDER: Final = re.compile(r"app|claims\.[\w.|]{1,60}")
_DESCRIBED: Final = frozenset({"is missing", "must be a mapping", "must be a list"})
"""Sentences that the first sentence of the key's description completes."""
_SHAPES: Final = ("must be a mapping", "must be a list")
"""How the sentences begin that an example completes."""


def report_all(report: Report, path: KeyPath, error: ValidationError, model: type[BaseModel]) -> set[str]:
    """Add pydantic's errors to the report. Returns the keys directly below `path` that have errors."""
    broken = set()
    inputs = [details["input"] for details in error.errors(include_url=False)]
    for field_error, value in zip(field_errors(error, model), inputs, strict=True):
        sentence = f"unknown key{field_error.sentence}" if field_error.unknown else field_error.sentence
        place = (*path, *field_error.path)
        if field_error.unknown and _is_of_app(place) and place[-1] in installed(BACKENDS.name):
            sentence = f"unknown key: this is a kind; write backends: {{{place[-1]}: {{…}}}}"
        field = field_at(model, field_error.path)
        if sentence in _DESCRIBED and field is not None and field.description:
            sentence = f"{sentence}: {field.description.partition('. ')[0]}"
        key = next((part for part in reversed(place) if isinstance(part, str)), "")
        if (
            sentence.startswith(_SHAPES)
            and "such as" not in sentence
            and (form := form_at(key, model, field_error.path))
        ):
            sentence = f"{sentence}, such as {form}"
        if sentence == "must be text":
            sentence += ", not a list" if isinstance(value, list) else f": put it in quotes{_in_quotes(value)}"
        report.add_broken(place, sentence)
        broken.add(str(field_error.path[0]) if field_error.path else "")
    return broken


def _in_quotes(value: object) -> str:
    """A placeholder that YAML takes for a mapping, such as {claims.sub}, as it should be written."""
    name = str(next(iter(value), "")) if isinstance(value, dict) else ""
    return f', such as "{{{name}}}"' if _PLACEHOLDER.fullmatch(name) and redact_secrets(name) == name else ""


def _is_of_app(path: KeyPath) -> bool:
    """Whether it is the path of a key of an app, or of `defaults`."""
    return path[:-1] == ("defaults",) or (path[0] == "apps" and len(path) == len(("apps", "name", "key")))
