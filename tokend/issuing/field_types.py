"""What the fields of a kind take, as dialects see it: from the JSON Schema of its model."""

from functools import lru_cache

from tokend.core.validation import StrictModel
from tokend.dialects.contract import FieldType, FieldTypes


@lru_cache(maxsize=256)
def field_types(fields: type[StrictModel]) -> FieldTypes:
    """The fields of a kind by name. `fields`: the model of its token requests."""
    found = {}
    for name, schema in fields.model_json_schema().get("properties", {}).items():
        forms = [schema, *schema.get("anyOf", ())]
        numeric = any(form.get("type") == "integer" for form in forms)
        marks = [form["format"] for form in forms if "format" in form]
        found[name] = FieldType(numeric, marks[0] if marks else None)
    return found
