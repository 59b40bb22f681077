"""The model of token requests, made from the fields in the options of the kind `jwt`."""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from tokend.backends.jwt.options import LARGEST, FieldOptions, anchored, is_integer
from tokend.backends.jwt.template import INTEGER
from tokend.core.validation import StrictModel, invalid, satisfying

MAX_ID: Final = 255
"""The longest user or channel in characters, unless the options say otherwise. No vendor's limit: ours."""


def fields_model(fields: Mapping[str, FieldOptions]) -> type[StrictModel]:
    """The model of the fields. A field that may be missing is also null."""
    parts: dict[str, Any] = {}
    for name, field in fields.items():
        annotation = _annotation(field)
        if field.gives is not None:
            parts[name] = bool, Field(default=False, description=field.description)
        elif field.means == "user" or field.if_missing != "error":  # a rule may supply the user
            parts[name] = (
                annotation | None,
                Field(default=None, description=field.description, examples=_examples(field)),
            )
        else:
            parts[name] = annotation, Field(description=field.description)
    return create_model("JwtFields", __base__=StrictModel, **parts)


def _examples(field: FieldOptions) -> list[Any] | None:
    """An example of the user, whom a token needs; None where the options restrict it, or for other fields."""
    if field.means != "user" or field.pattern is not None or field.values is not None:
        return None
    return [7 if field.kind_of_value == INTEGER else "ann"]


def _annotation(field: FieldOptions) -> Any:
    if field.values is not None:
        values: Any = Literal[tuple(value_of(field, value) for value in field.values)]
        return Annotated[values, BeforeValidator(_text_or_integer)]
    match field.kind_of_value:
        case "integer":
            return Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
        case "number":
            return Annotated[int | float, BeforeValidator(_number)]
        case "boolean":
            return bool
        case "object":
            return dict[str, Any]
        case "list":
            return Annotated[list[_text(field)], Field(min_length=1)] if field.is_id else list[Any]  # type: ignore[misc]
    return _text(field)


def _text(field: FieldOptions) -> Any:
    limits = Field(
        min_length=1 if field.is_id else None,
        max_length=field.max_length or (MAX_ID if field.is_id else None),
        pattern=None if field.pattern is None else anchored(field.pattern),
    )
    return Annotated[str, limits, AfterValidator(_printable)] if field.is_id else Annotated[str, limits]


_printable = satisfying(str.isprintable, "must not contain control characters")


def _number(value: object) -> object:
    """The value, if it is a finite number. Otherwise pydantic would speak of a field `int` below the field."""
    if type(value) is not int and not (isinstance(value, float) and isfinite(value)):
        raise invalid("must be a number")
    return value


def _text_or_integer(value: object) -> object:
    """The value: in Python, true and 1.0 equal 1."""
    if type(value) not in (str, int):
        raise invalid("must be text or a whole number")
    return value


def value_of(field: FieldOptions, text: str) -> object:
    """A user, a channel or a value of a privilege as the field has it: a number if its type is integer."""
    return int(text) if field.kind_of_value == INTEGER and is_integer(text) else text


def privilege_of(name: str, value: object) -> str:
    """The name of the privilege that a value of a field gives."""
    return f"{name}:{value}"
