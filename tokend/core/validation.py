"""pydantic's complaints in our words: where, and what to do, never the value that was rejected."""

import difflib
import re
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar, Union, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class StrictModel(BaseModel):
    """The base of every shape: exact types, unknown fields refused, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


T = TypeVar("T")


class StrictValue(RootModel[T], Generic[T]):
    """The base of options that are no mapping: a value of exactly this type, frozen. `root` holds it."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


def invalid(sentence: str) -> PydanticCustomError:
    """The error for a validator to raise: a sentence that goes on from the field's name."""
    return PydanticCustomError("invalid", "{sentence}", {"sentence": sentence})


class FieldError(Struct, frozen=True):
    """One thing wrong: the path below the model, and a sentence that follows the field's name.

    Where the field is unknown the sentence is only the hint that follows that word.
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
_HEX_RUN: Final = re.compile(r"[0-9a-fA-F]{20,}")


def redact_secrets(text: str) -> str:
    """The text as a message may repeat it: not at all where it looks like a secret that went to the wrong place."""
    mixed = (one for one in _RUN.findall(text) if all(re.search(kind, one) for kind in ("[0-9]", "[a-z]", "[A-Z]")))
    if _HEX_RUN.search(text) or any(mixed):
        return "(hidden: it looks like a secret)"
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def field_errors(error: ValidationError, model: type[BaseModel]) -> list[FieldError]:
    """Every complaint of `error`, in the order of the input's shape."""
    return [_field_error(one, model) for one in error.errors(include_url=False, include_input=False)]


def first_field_error(error: ValidationError, model: type[BaseModel]) -> FieldError:
    """The one to tell where only one is told: a misspelling goes before the field that it leaves missing.

    Of thousands that a client may cause, the others cost nothing.
    """
    found = error.errors(include_url=False, include_input=False)
    return _field_error(min(found, key=lambda one: one["type"] != _UNKNOWN), model)


def _field_error(one: "ErrorDetails", model: type[BaseModel]) -> FieldError:
    path = tuple(step for step in one["loc"] if step != "[key]")  # pydantic's mark for the key of a mapping
    if one["type"] == _UNKNOWN:
        return FieldError(path, True, suggestion(str(path[-1]), known_keys(model, path[:-1])))
    return FieldError(path, False, _sentence(one["type"], one.get("ctx", {}), one["msg"]))


def _sentence(kind: str, context: Mapping[str, Any], message: str) -> str:
    """What is wrong, for pydantic's kind of error with its context and message."""
    if kind in ("literal_error", "enum"):
        expected = str(context.get("expected", ""))
        return "must be " + {"True": "true", "False": "false"}.get(expected, expected)
    if kind in ("too_short", "too_long"):
        bound = (
            f"at least {context['min_length']}" if "min_length" in context else f"at most {context.get('max_length')}"
        )
        return f"must hold {bound} of these"
    if kind == "value_error":
        return str(context.get("error", ""))
    return _SENTENCES.get(kind) or _lower(message)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` where a known word is near, else the known words."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f", did you mean '{redact_secrets(near[0])}'?"
    return f"; known: {', '.join(map(redact_secrets, words))}" if words else ""


def known_keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that the model knows at a path; empty where any key is allowed."""
    at: Any = model
    for step in path:
        at = _below(at, step)
    at = _bare(at)
    if isinstance(at, type) and issubclass(at, BaseModel):
        return [field.alias or name for name, field in at.model_fields.items()]
    return []


def description_of(model: type[BaseModel], path: tuple[str | int, ...]) -> str | None:
    """The description of the field at a path; None if it has none."""
    at: Any = model
    for step in path[:-1]:
        at = _below(at, step)
    at = _bare(at)
    if not path or not isinstance(at, type) or not issubclass(at, BaseModel):
        return None
    field = next((field for name, field in at.model_fields.items() if (field.alias or name) == path[-1]), None)
    return None if field is None else field.description


def _below(annotation: Any, step: str | int) -> Any:
    at = _bare(annotation)
    if isinstance(at, type) and issubclass(at, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in at.model_fields.items()}
        return fields.get(str(step))
    arguments = [one for one in get_args(at) if one is not Ellipsis]
    return arguments[-1] if arguments else None


def _bare(annotation: Any) -> Any:
    """Without Annotated and `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            others = [one for one in get_args(annotation) if one is not NoneType]
            models = [one for one in others if isinstance(_bare(one), type) and issubclass(_bare(one), BaseModel)]
            annotation = (models or others)[0]
        elif isinstance(annotation, type) and issubclass(annotation, RootModel):
            annotation = annotation.model_fields["root"].annotation
        else:
            return annotation


def _lower(message: str) -> str:
    message = message.replace("Input should be ", "must be ", 1)
    return message if message[:2].isupper() else message[:1].lower() + message[1:]
