"""Sends every example of an OpenAPI document to the application, as a reader of the API reference would."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.unit.http.running import APP_ID, Running
from tokend.dialects.contract import FORM, JSON, TEXT


class Operation(NamedTuple):
    method: str
    path: str
    """Below the origin."""
    described: dict[str, Any]

    def examples(self) -> Iterator[tuple[str, str | None, Any]]:
        """Title, content type and content of each example body; once without a body if the operation has none."""
        content = self.described.get("requestBody", {}).get("content", {})
        for media, of_media in content.items():
            assert of_media["examples"], f"{self.method} {self.path}: no example of {media}"
            for title, example in of_media["examples"].items():
                yield title, media, example["value"]
        if not content:
            yield "", None, None

    def target(self) -> str:
        """Its URL, with the examples of its parameters."""
        parameters = self.described.get("parameters", ())
        assert all("example" in parameter for parameter in parameters if parameter["required"])
        in_path = {found["name"]: str(found["example"]) for found in parameters if found["in"] == "path"}
        query = {
            found["name"]: found["example"] for found in parameters if found["in"] == "query" and "example" in found
        }
        path = re.sub(r"\{(\w+)\}", lambda match: quote(in_path[match[1]], safe=""), self.path)
        return f"{path}?{urlencode(query)}" if query else path


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    """Every operation of a document."""
    for path, by_method in document["paths"].items():
        for method, described in by_method.items():
            base = described.get("servers", document["servers"])[0]["url"].rstrip("/")
            yield Operation(method.upper(), base + path, described)


def check(value: object, schema: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    jsonschema.validate(value, {**schema, "components": document["components"]})


async def send_every_example(server: Running, at: str) -> None:
    """Check the examples of the document at a path of the server."""
    document: dict[str, Any] = (await server.token_request("GET", at)).json
    OpenAPIV31SpecValidator(document).validate()
    for operation in operations_of(document):
        (success,) = (status for status in operation.described["responses"] if status.startswith("2"))
        described = operation.described["responses"][success]
        for title, media, content in operation.examples():
            body = _body(media, content)
            headers = () if media is None else (("Content-Type", media),)
            reply = await server.token_request(operation.method, operation.target(), body, *headers)
            place = f"{operation.method} {operation.path}, {title or 'no body'}: {reply.body!r}"
            assert reply.status == int(success), place
            answered = reply.headers["content-type"].partition(";")[0]
            if "content" in described:
                schema = described["content"][answered]["schema"]
                check(reply.body.decode() if answered == TEXT else reply.json, schema, document)
            if media == JSON:
                check(content, operation.described["requestBody"]["content"][media]["schema"], document)


def _body(media: str | None, content: Any) -> bytes | dict[str, Any] | None:
    if media is None:
        return None
    if media == FORM:
        return urlencode(content).encode()
    if "appId" in content:
        return {**content, "appId": APP_ID}
    assert isinstance(content, dict)
    return content
