"""Strict JSON (RFC 8259) for request bodies, JWTs and files.

It rejects duplicate keys, NaN, lone surrogates, invalid UTF-8, deep nesting and anything after the first value.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import msgspec

_MAX_DIGITS: Final = 308
"""Digits of the longest integer. Every such integer fits a float, so arithmetic with both never overflows."""
MAX_DEPTH: Final = 100
"""Arrays and objects within each other. From Python 3.12 on, json alone allows thousands, on which code that recurses fails."""


class TooDeepError(ValueError):
    """Arrays and objects are nested deeper than `MAX_DEPTH`."""

    def __init__(self) -> None:
        super().__init__("nested too deep")


class DuplicateKeyError(ValueError):
    """An object contains the same key more than once."""


def loads(raw: bytes) -> Any:
    """Parse one JSON value. Raises `ValueError` if it is not strict JSON, `DuplicateKeyError` or `TooDeepError`."""
    try:
        # msgspec rejects lone surrogates, which json accepts; only json can report duplicate keys
        msgspec.json.decode(raw)
        value = _DECODER.decode(raw.decode())
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise TooDeepError from error
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise TooDeepError
    return value


def _depth(value: Any) -> int:
    """How many arrays and objects lie within each other at most, without recursion."""
    depth, level = 0, [value]
    while level := [inner for inner in level if isinstance(inner, dict | list)]:
        depth += 1
        level = [child for outer in level for child in (outer.values() if isinstance(outer, dict) else outer)]
    return depth


def _no_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise DuplicateKeyError("a key is given twice in one object")
    return unique


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _MAX_DIGITS:
        raise ValueError("an integer is too long")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_int=_integer, parse_constant=_no_constant)
