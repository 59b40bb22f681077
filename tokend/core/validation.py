"""The base class of strict models, and pydantic's errors as sentences that never contain the rejected value."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar, Union, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class StrictModel(BaseModel):
    """Base class of all models: exact types, no unknown fields, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


T = TypeVar("T")


class StrictValue(RootModel[T], Generic[T]):
    """The base of options that are no mapping: a value of exactly this type, frozen. `root` holds it."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


def invalid(sentence: str) -> PydanticCustomError:
    """Return the error that a validator raises. The sentence continues the name of the field."""
    return PydanticCustomError("invalid", "{sentence}", {"sentence": sentence})


def satisfying(condition: Callable[[Any], bool], sentence: str) -> Callable[[Any], Any]:
    """Return a validator of values for which the condition holds, with the sentence of its error."""

    def check(value: Any) -> Any:
        if not condition(value):
            raise invalid(sentence)
        return value

    return check


def matching(pattern: str, sentence: str) -> Callable[[str], str]:
    """Return a validator of texts that match the whole pattern, with the sentence of its error."""
    compiled = re.compile(pattern)
    return satisfying(lambda text: compiled.fullmatch(text) is not None, sentence)


class FieldError(Struct, frozen=True):
    """One error: the path of the field in the model, and a sentence that continues the name of the field.

    If the field is unknown, the sentence is only the hint with the known names (see `suggestion`).
    """

    path: tuple[str | int, ...]
    unknown: bool
    sentence: str


_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "finite_number": "must be a finite number",
}


_UNKNOWN: Final = "extra_forbidden"
_RUN: Final = re.compile(r"[A-Za-z0-9_+=-]{20,}")
_LONG: Final = 32
"""Characters. Keys are longer."""
_HEX_RUN: Final = re.compile(r"[0-9a-fA-F]{20,}")
_SINGLE_CASE: Final = re.compile(r"[A-Z0-9]{32,}|[a-z0-9]{32,}")
"""Secrets of Stream and seeds of NATS have letters of one case. Names as long as that have separators."""
_PADDED: Final = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{20,}+={1,2}(?![\w=])")
"""Base64 of a length that shows by its end, since a slash in it may also separate the names of a path.

It begins at no character within such a text: a client's text of 16 KiB without an end took two seconds.
"""
_NUMBERS: Final = re.compile(r"[0-9]+")
_FEW_NUMBERS: Final = 2
"""A name has no more of them, such as a version and a year."""


def redact_secrets(text: str) -> str:
    """Return the text for use in a message, or a placeholder if it looks like a secret in the wrong field."""
    runs = [*_RUN.findall(text), *(padded.replace("/", "") for padded in _PADDED.findall(text))]
    in_single_case = any(len(_NUMBERS.findall(run)) > _FEW_NUMBERS for run in _SINGLE_CASE.findall(text))
    if in_single_case or _HEX_RUN.search(text) or any(map(_looks_random, runs)):
        return "(hidden: it looks like a secret)"
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _looks_random(run: str) -> bool:
    """Whether letters of both cases stand beside digits. One key in 1,500 has no digits, but many letters of each case."""
    upper, lower = sum(map(str.isupper, run)), sum(map(str.islower, run))
    if len(run) >= _LONG and 4 * min(upper, lower) >= len(run):
        return True
    return upper > 0 and lower > 0 and any(map(str.isdigit, run))


def field_errors(error: ValidationError, model: type[BaseModel]) -> list[FieldError]:
    """Return every error in `error`, in the order of pydantic."""
    return [_field_error(details, model) for details in error.errors(include_url=False, include_input=False)]


def first_field_error(error: ValidationError, model: type[BaseModel]) -> FieldError:
    """Return the most useful error: an unknown field first, since a misspelling also leaves a field missing.

    A client may cause thousands of errors. Only this one is turned into a sentence.
    """
    errors = error.errors(include_url=False, include_input=False)
    return _field_error(min(errors, key=lambda details: details["type"] != _UNKNOWN), model)


def _field_error(details: "ErrorDetails", model: type[BaseModel]) -> FieldError:
    path = tuple(step for step in details["loc"] if step != "[key]")  # pydantic's mark for the key of a mapping
    if details["type"] == _UNKNOWN:
        return FieldError(path, True, suggestion(str(path[-1]), known_keys(model, path[:-1])))
    return FieldError(path, False, _sentence(details))


def _sentence(details: "ErrorDetails") -> str:
    """Return the sentence for an error of pydantic."""
    match details:
        case {"type": "literal_error", "ctx": {"expected": "True"}}:
            return "must be true"
        case {"type": "literal_error", "ctx": {"expected": "False"}}:
            return "must be false"
        case {"type": "too_short", "ctx": {"min_length": length}}:
            return f"must hold at least {length} of these"
        case {"type": "too_long", "ctx": {"max_length": length}}:
            return f"must hold at most {length} of these"
        case {"type": "string_too_short", "ctx": {"min_length": length}}:
            return f"must have at least {length} character{'' if length == 1 else 's'}"
        case {"type": "string_too_long", "ctx": {"max_length": length}}:
            return f"must have at most {length} character{'' if length == 1 else 's'}"
        case {"type": "string_pattern_mismatch", "ctx": {"pattern": pattern}}:
            return f"must match the pattern '{pattern}'"
        case {"type": "value_error", "ctx": {"error": error}}:
            return str(error)
    return _SENTENCES.get(details["type"]) or _lower(details["msg"])


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean 'x'?` if a known word is similar, else the list of known words."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words)
    if near:
        return f", did you mean '{redact_secrets(near[0])}'?"
    return f"; known: {', '.join(map(redact_secrets, words))}" if words else ""


def known_keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the model has at a path. Empty if any key is allowed there."""
    return list(_fields_at(model, path))


def field_at(model: type[BaseModel], path: tuple[str | int, ...]) -> FieldInfo | None:
    """The field at a path; None if there is none."""
    return _fields_at(model, path[:-1]).get(str(path[-1])) if path else None


def _fields_at(annotation: Any, path: tuple[str | int, ...]) -> dict[str, FieldInfo]:
    """The fields of the model at a path by their keys; none if there is no model."""
    for step in path:
        annotation = _below(annotation, step)
    bare = bare_annotation(annotation)
    return {field.alias or name: field for name, field in bare.model_fields.items()} if _is_model(bare) else {}


def _below(annotation: Any, step: str | int) -> Any:
    if fields := _fields_at(annotation, ()):
        return fields[str(step)].annotation if str(step) in fields else None
    arguments = [argument for argument in get_args(bare_annotation(annotation)) if argument is not Ellipsis]
    return arguments[-1] if arguments else None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def bare_annotation(annotation: Any) -> Any:
    """Return a type without `Annotated` and `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            members = [member for member in get_args(annotation) if member is not NoneType]
            models = [member for member in members if _is_model(bare_annotation(member))]
            annotation = (models or members)[0]
        elif isinstance(annotation, type) and issubclass(annotation, RootModel):
            annotation = annotation.model_fields["root"].annotation
        else:
            return annotation


def _lower(message: str) -> str:
    message = message.replace("Input should be ", "must be ", 1)
    return message if message[:2].isupper() else message[:1].lower() + message[1:]
