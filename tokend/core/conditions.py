"""The conditions that claims must meet, under `when` and `require` alike: from the mapping that is written."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, PlainValidator
from pydantic_core import core_schema

from tokend.core.claims import ClaimPath, Condition, parse_claim_path
from tokend.core.validation import invalid


def _claim(text: object) -> ClaimPath:
    return parse_claim_path(str(text))


def _values(value: object) -> tuple[object, ...]:
    """The values that count, of which the claim must have one."""
    values = tuple(value) if isinstance(value, list) else (value,)
    if not values or not all(isinstance(item, str | int) for item in values):
        raise invalid("must be text, a whole number, true or false, or a list of these")
    return values


def _conditions(value: object, handler: Callable[[object], Any]) -> tuple[Condition, ...]:
    if isinstance(value, tuple):  # conditions already
        return value
    conditions = tuple(Condition(path, values) for path, values in handler(value).items())
    if not conditions:
        raise invalid("is empty: name a claim, or leave the key out")
    return conditions


class _AsMapping:
    """In the YAML and its JSON Schema a mapping from claims to the values that they may have."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        as_it_is = core_schema.simple_ser_schema("any")
        written = handler.generate_schema(_Written)
        return core_schema.no_info_wrap_validator_function(_conditions, written, serialization=as_it_is)


_Written = dict[
    Annotated[Any, PlainValidator(_claim, json_schema_input_type=str)],
    Annotated[Any, PlainValidator(_values, json_schema_input_type=Any)],
]
Conditions = Annotated[tuple[Condition, ...], _AsMapping()]
"""Each `claims.path: value`, or a list of values of which one must hold."""


def exclude_each_other(some: Iterable[Condition], others: Iterable[Condition]) -> bool:
    """Whether no claims meet both, since both name a claim and have no value of it in common."""
    others = tuple(others)
    return any(
        condition.path == other.path and not set(condition.expected) & set(other.expected)
        for condition in some
        for other in others
    )
