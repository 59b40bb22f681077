"""Every key that `tokend schema` shows is described."""

from collections.abc import Iterator
from typing import Any

from tokend.config.schema import json_schema

SCHEMA = json_schema()


def _undescribed(schema: Any, at: str) -> Iterator[str]:
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from _undescribed(part, f"{at}[{index}]")
    if not isinstance(schema, dict):
        return
    for name, part in schema.get("properties", {}).items():
        if isinstance(part, dict) and not (part.get("description") or _target(part).get("description")):
            yield f"{at}.{name}"
    for key, part in schema.items():
        yield from _undescribed(part, f"{at}.{key}")


def _target(part: dict[str, Any]) -> dict[str, Any]:
    """The definition that a part refers to."""
    found: dict[str, Any] = SCHEMA["$defs"].get(part.get("$ref", "").removeprefix("#/$defs/"), {})
    return found


def test_every_key_is_described() -> None:
    assert list(_undescribed(SCHEMA, "")) == []
