"""JSON read strictly: UTF-8, no key twice, no NaN, no lone surrogates, no deep nesting. For bodies and JWTs alike."""

import json
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import orjson


class DuplicateKeyError(ValueError):
    """A key that stands twice in one object."""


def loads(raw: bytes) -> Any:
    """The value; `ValueError` for anything that is not strictly JSON, `TwinKeyError` for a key that stands twice."""
    # orjson refuses NaN, lone surrogates, bad UTF-8 and deep nesting; json alone can see a key that stands twice
    orjson.loads(raw)
    try:
        return _DECODER.decode(raw.decode())
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _no_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DuplicateKeyError
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
