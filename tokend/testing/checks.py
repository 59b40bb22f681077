"""Helpers of the conformance suite: junk, changed tokens, other secrets, and grants without hidden fields."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec.structs import asdict
from pydantic import BaseModel, ValidationError

from tokend.plugins import ApiError, Backend, Grant, Secret

_WORDS: Final = (
    """0 é 語 null {} [] {"a":1} = a.b a.b.c a.b.c.d e30.e30.e30 eyJhbGciOiJub25lIn0.e30. Bearer %00 006 007 007eJxT"""
)
JUNK: Final = (
    *("", " ", "\n", "\0", "\ud800", "[" * 5000, "." * 50, "A" * 300, "9" * 9000, "x" * 200_000),
    *("006" + "0" * 32, "007" + "A" * 40_000, "006" + "A" * 40_000),
    *_WORDS.split(),
)
"""Texts that are not a token of any backend."""


def error_of(backend: Backend, fields: Mapping[str, object], ttl: int, user: str | None = None) -> str | None:
    """Return what rejects the fields: `shape` (the model), `grant`, or None. Any status but 400 is an error."""
    try:
        shape = backend.Fields.model_validate(dict(fields))
    except ValidationError:
        return "shape"
    try:
        backend.grant(shape, ttl, user)
    except ApiError as api_error:
        assert api_error.status == 400, (
            f"refused with {api_error.status}: a backend rejects only bad requests, with 400"
        )
        return "grant"
    return None


def object_schemas(shape: type[BaseModel]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and JSON Schema of a model and of every model in it."""
    schema = shape.model_json_schema()
    for name, part in {shape.__name__: schema, **schema.get("$defs", {})}.items():
        if part.get("type") == "object":
            yield name, part


def visible(grant: Grant, hidden: frozenset[str]) -> Mapping[str, object]:
    """Return a grant as plain data, without hidden fields of the grant and its services.

    Where the ttl is hidden, privileges are without their seconds.
    """
    services = [
        {name: value for name, value in asdict(service).items() if name not in hidden} for service in grant.services
    ]
    if "ttl" in hidden:
        services = [{**service, "privileges": sorted(service["privileges"])} for service in services]
    whole = {**asdict(grant), "services": services}
    return {name: value for name, value in whole.items() if name not in hidden}


def changed_tokens(token: str) -> Iterator[str]:
    """Yield the token with one character replaced, removed or doubled, for each character."""
    for index, letter in enumerate(token):
        before, after = token[:index], token[index + 1 :]
        for other in dict.fromkeys((chr(ord(letter) ^ 1), "A", "B", "", letter * 2)):
            if other != letter:
                yield f"{before}{other}{after}"


def secrets_in(value: object) -> Iterator[Secret]:
    """Yield every secret in options."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)


def reversed_secrets(value: object) -> Any:
    """Return the same value with the text of every secret reversed."""
    if isinstance(value, Secret):
        return Secret(value.reveal()[::-1])
    if isinstance(value, Mapping):
        return {name: reversed_secrets(item) for name, item in value.items()}
    return [reversed_secrets(item) for item in value] if isinstance(value, list | tuple) else value
