"""Every key that `tokend schema` shows is described."""

from collections.abc import Iterator
from typing import Any

from tokend.config.schema import json_schema

NO_KEYS_OF_TOKEND = {"Secret"}
"""Schemas whose properties are forms of a value."""


def _undescribed(schema: Any, at: str) -> Iterator[str]:
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from _undescribed(part, f"{at}[{index}]")
    if not isinstance(schema, dict):
        return
    for name, part in schema.get("properties", {}).items():
        if isinstance(part, dict) and not part.get("description") and schema.get("title") not in NO_KEYS_OF_TOKEND:
            yield f"{at}.{name}"
    for key, part in schema.items():
        yield from _undescribed(part, f"{at}.{key}")


def test_every_key_is_described() -> None:
    assert list(_undescribed(json_schema(), "")) == []
