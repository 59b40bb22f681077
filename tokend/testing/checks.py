"""What the conformance suite stands on: junk, changed tokens, other secrets, grants without what is hidden."""

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
"""Texts that are no token of anybody's."""


def error_of(backend: Backend, fields: Mapping[str, object], ttl: int, user: str | None = None) -> str | None:
    """Who refuses it: `shape`, `grant`, or None. Anything but a 400 is an error of the backend."""
    try:
        shape = backend.Fields.model_validate(dict(fields))
    except ValidationError:
        return "shape"
    try:
        backend.grant(shape, ttl, user)
    except ApiError as api_error:
        assert api_error.status == 400, f"refused with {api_error.status}: what a backend refuses is a bad ask, 400"
        return "grant"
    return None


def objects(shape: type[BaseModel]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The JSON Schema of the shape and of every shape within it."""
    schema = shape.model_json_schema()
    for name, part in {shape.__name__: schema, **schema.get("$defs", {})}.items():
        if part.get("type") == "object":
            yield name, part


def shown(grant: Grant, hidden: frozenset[str]) -> Mapping[str, object]:
    """A grant as plain data without what is hidden: names of fields of Grant, or of Service."""
    services = [{name: value for name, value in asdict(one).items() if name not in hidden} for one in grant.services]
    whole = {**asdict(grant), "services": services}
    return {name: value for name, value in whole.items() if name not in hidden}


def changes(token: str) -> Iterator[str]:
    """Each character replaced, left out, or doubled."""
    for at, letter in enumerate(token):
        before, after = token[:at], token[at + 1 :]
        for other in dict.fromkeys((chr(ord(letter) ^ 1), "A", "B", "", letter * 2)):
            if other != letter:
                yield f"{before}{other}{after}"


def sealed(value: object) -> Iterator[Secret]:
    """Every secret within options."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from sealed(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from sealed(one)


def resealed(value: object) -> Any:
    """The same with every secret turned round."""
    if isinstance(value, Secret):
        return Secret(value.reveal()[::-1])
    if isinstance(value, Mapping):
        return {name: resealed(one) for name, one in value.items()}
    return [resealed(one) for one in value] if isinstance(value, list | tuple) else value
