"""The endpoints of the native API as Markdown, from the OpenAPI document that a server answers at `openapi.json`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tokend.config.loading import load
from tokend.issuing.openapi import openapi

_CONFIGURATION: Final = """
apps:
  demo:
    app_id: "970CA35de60c44645bbae8a215061b33"
    certificate: {env: CERTIFICATE}
    backends: [rtc]
    routes: [{path: /demo, dialect: native}]
    callers: {studio: {api_key: "sha256:7b7d2a2a5f4e6f4f9a3b8ee2d6f1bd1d6f3bca2c4e5d97a0c9d5d2f8e6b1a3c4"}}
"""


def markdown() -> str:
    """Each endpoint with its summary, and the example of a body and of an answer."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(_CONFIGURATION, "utf-8")
        (route,) = load(str(path), {"CERTIFICATE": "0" * 32}, Path(folder)).routes
    document = openapi(route)
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return "\n".join(line for operation in operations for line in _section(*operation))


def _section(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"### `{method} {path.removeprefix('/')}`\n"
    yield f"{operation['summary']}.{_sentence(operation.get('description'))}\n"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    answer = operation["responses"]["200"].get("content", {}).get("application/json")
    for title, media in (("Request", body), ("Response", answer)):
        example = _example(media) if media is not None else None
        if example is not None and "openapi" not in example:
            yield f"{title}:\n\n```json\n{json.dumps(example, indent=1, ensure_ascii=False)}\n```\n"


def _sentence(text: str | None) -> str:
    return f" {text}" if text else ""


def _example(media: Mapping[str, Any]) -> Any:
    """The first example of a body."""
    if "example" in media:
        return media["example"]
    return next((found["value"] for found in media.get("examples", {}).values()), None)
