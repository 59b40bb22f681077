"""The JSON Schema of the YAML, for editors. It describes the shape; `tokend check` also checks what the values mean."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tokend.config.shape import RootShape


class Lenient(GenerateJsonSchema):
    """Describes what has no JSON Schema, such as an option of a plug-in that is a Python object, as any value."""

    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:
        return {}


class _WithoutNull(Lenient):
    """Leaves out null: a key may be left out but not empty. In the models, None means left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Show only defaults that the YAML writes in the same form, so no durations in seconds and no models."""
        found = self.generate_inner(schema["schema"])
        default = schema.get("default")
        shown = isinstance(default, str | bool) or (isinstance(default, int) and "pattern" not in found)
        return {**found, "default": default} if shown else found


def json_schema() -> dict[str, Any]:
    """The JSON Schema, draft 2020-12."""
    schema = RootShape.model_json_schema(schema_generator=_WithoutNull)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Configuration of tokend"}
