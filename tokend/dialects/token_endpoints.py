"""Endpoints that answer with tokens alone: what they render, and the schema of that in the OpenAPI document."""

from collections.abc import Callable

from msgspec.structs import replace

from tokend.dialects.contract import Description, Endpoint, HttpRequest, Issue
from tokend.dialects.describing import TOKEN, answer_of
from tokend.dialects.rendering import render_error_as_text, token_as_text, tokens_as

Parse = Callable[[HttpRequest], Issue]


def token_endpoint(
    method: str, path: str, parse: Parse, description: Description, *names: str, **constants: str
) -> Endpoint:
    """An endpoint that answers with a JSON object: the tokens under these names, and constants.

    `description`: what it takes. Its answer is added.
    """
    schemas = {name: {"const": value, "type": "string"} for name, value in constants.items()}
    description = replace(description, answer=answer_of(*names, **schemas))
    return Endpoint(method, path, parse, tokens_as(*names, **constants), description=description)


def text_endpoint(method: str, path: str, parse: Parse, description: Description, media: str | None = None) -> Endpoint:
    """An endpoint that answers with the token as plain text, and with errors as plain text. `description`: as above."""
    description = replace(description, answer=TOKEN)
    return Endpoint(
        method, path, parse, token_as_text, media=media, render_error=render_error_as_text, description=description
    )
