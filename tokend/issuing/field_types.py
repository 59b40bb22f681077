"""What the fields of a kind take, as dialects and rules see it: from the JSON Schema of its model."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from tokend.core.validation import StrictModel
from tokend.dialects.contract import FieldType, FieldTypes


@lru_cache(maxsize=256)
def field_types(fields: type[StrictModel]) -> FieldTypes:
    """The fields of a kind by name. `fields`: the model of its token requests."""
    found = {}
    types = json_types(fields)
    for name, schema in fields.model_json_schema().get("properties", {}).items():
        forms = [schema, *schema.get("anyOf", ())]
        numeric = "integer" in types[name] and "string" not in types[name]
        marks = [form["format"] for form in forms if "format" in form]
        structured = types[name] <= {"array", "object"}
        fractional = "number" in types[name] and types[name] <= {"number", "integer"}
        found[name] = FieldType(
            numeric, marks[0] if marks else None, types[name] == {"boolean"}, structured, fractional
        )
    return found


_ALL_TYPES: Final = frozenset(("string", "integer", "number", "boolean", "array", "object"))


@lru_cache(maxsize=256)
def json_types(fields: type[StrictModel]) -> Mapping[str, frozenset[str]]:
    """The JSON types that each field of a kind takes, such as `string` and `array`, by name. null is left out."""
    whole = fields.model_json_schema()
    definitions = whole.get("$defs", {})
    return {
        name: frozenset(_types(schema, definitions)) - {"null"} for name, schema in whole.get("properties", {}).items()
    }


def _types(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    """The types of a JSON Schema. One without a type takes all."""
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if "$ref" in schema:
        choices.append(definitions[schema["$ref"].rpartition("/")[2]])
    for choice in choices:
        yield from _types(choice, definitions)
    if not choices:
        written = schema.get("type", _ALL_TYPES)
        yield from (written,) if isinstance(written, str) else written
