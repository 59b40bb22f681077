"""Lists of the configuration whose only item may stand by itself."""

from typing import Annotated, Any, TypeVar, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from tokend.core.validation import invalid


def _listed(value: object) -> object:
    if value == []:
        raise invalid("is an empty list: leave the key out, or name at least one")
    if not isinstance(value, str | list):
        raise invalid("must be text or a list of texts")
    return [value] if isinstance(value, str) else value


def _listed_or_set(value: object) -> object:
    return list(value) if isinstance(value, frozenset) else _listed(value)


class _ItemOrList:
    """In the YAML and its JSON Schema: an item, or a list of at least one."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        listed = {**handler(schema), "minItems": 1}
        return {"anyOf": [listed["items"], listed]}


class _ItemOrSet(_ItemOrList):
    """The same, whose order and repetitions do not count."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        (item,) = get_args(source)
        listed = core_schema.list_schema(handler.generate_schema(item))
        before = core_schema.no_info_before_validator_function(_listed_or_set, listed)
        as_it_is = core_schema.simple_ser_schema("any")
        return core_schema.no_info_after_validator_function(frozenset, before, serialization=as_it_is)


T = TypeVar("T")
ItemOrList = Annotated[list[T], _ItemOrList()]
ItemOrSet = Annotated[frozenset[T], _ItemOrSet()]
