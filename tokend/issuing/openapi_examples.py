"""Makes examples for the OpenAPI document from JSON Schemas."""

from collections.abc import Mapping
from typing import Any

from tokend.dialects.contract import Schema

Definitions = Mapping[str, Schema]
"""Schemas by the last segment of the references to them."""


def example_of(schema: Schema, definitions: Definitions) -> Any:
    """A value that fits a schema: its first example, or one made of what is required and what has examples."""
    schema = resolve(schema, definitions)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if choices := _choices(schema):
        return example_of(next((choice for choice in choices if has_example(choice)), choices[0]), definitions)
    return _of_type(schema, definitions)


def examples_of(title: str, schema: Schema, definitions: Definitions) -> dict[str, Any]:
    """The example objects of a body: one for each choice that the schema offers, or one under the title."""
    resolved = resolve(schema, definitions)
    if "oneOf" in resolved:
        return {_name(choice): {"value": example_of(choice, definitions)} for choice in resolved["oneOf"]}
    return {title: {"value": example_of(resolved, definitions)}}


def resolve(schema: Schema, definitions: Definitions) -> Schema:
    """The schema, or the one that it refers to."""
    return definitions[_name(schema)] if "$ref" in schema else schema


def has_example(schema: Schema) -> bool:
    """Whether a schema brings an example of its own. A reference does not."""
    return "examples" in schema or any("examples" in choice for choice in _choices(schema))


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).removeprefix("#/components/schemas/").removeprefix("#/$defs/")


def _choices(schema: Schema) -> list[Schema]:
    return [*schema.get("oneOf", ()), *schema.get("anyOf", ())]


def _of_type(schema: Schema, definitions: Definitions) -> Any:
    types = schema.get("type", "string")
    match types if isinstance(types, str) else types[0]:
        case "object":
            required = schema.get("required", ())
            return {
                name: example_of(field, definitions)
                for name, field in schema.get("properties", {}).items()
                if name in required or has_example(field)
            }
        case "array":
            return [example_of(schema["items"], definitions)] if "items" in schema else []
        case "boolean":
            return True
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "null":
            return None
    return "text"
