"""The JSON Schema of the YAML, for editors. It says the shape; what the values mean is `tokend check`'s to say."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tokend.config.shape import RootShape


class _WithoutNull(GenerateJsonSchema):
    """A key that may be left out may not be empty: None is how the shapes say left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Defaults that the YAML writes in the same form: no seconds of durations, no models."""
        found = self.generate_inner(schema["schema"])
        default = schema.get("default")
        shown = isinstance(default, str | bool) or (isinstance(default, int) and "pattern" not in found)
        return {**found, "default": default} if shown else found


def json_schema() -> dict[str, Any]:
    """Draft 2020-12."""
    schema = RootShape.model_json_schema(schema_generator=_WithoutNull)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Configuration of tokend"}
