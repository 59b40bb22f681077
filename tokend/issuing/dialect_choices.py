"""What a route writes under `dialect`: names, and mappings of a name to the options of that dialect."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Struct
from pydantic import PlainValidator

from tokend.core.validation import invalid, redact_secrets


class DialectChoice(Struct, frozen=True):
    """A dialect of a route. `options`: as they are written. `place`: the keys and indexes below `dialect` that lead to it."""

    name: str
    options: Any = None
    place: tuple[str | int, ...] = ()


def _choices(written: object) -> tuple[DialectChoice, ...]:
    if isinstance(written, tuple):  # the default, or choices of a program
        return written
    if written in ([], {}):
        raise invalid("is empty: leave the key out, or name at least one")
    choices = tuple(_each(written))
    names = [choice.name for choice in choices]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"names {redact_secrets(name)} twice")
    return choices


def _each(written: object) -> Iterator[DialectChoice]:
    if isinstance(written, list):
        for index, item in enumerate(written):
            yield from _choices_in(item, (index,))
    else:
        yield from _choices_in(written, ())


def _choices_in(item: object, place: tuple[str | int, ...]) -> Iterator[DialectChoice]:
    if isinstance(item, str):
        yield DialectChoice(item, None, place)
    elif isinstance(item, dict):
        for name, options in item.items():
            yield DialectChoice(name, {} if options is None else options, (*place, name))
    else:
        raise invalid("must be a name, a mapping of a name to options, or a list of these")


_INPUT = str | dict[str, Any] | list[str | dict[str, Any]]
DialectChoices = Annotated[tuple[DialectChoice, ...], PlainValidator(_choices, json_schema_input_type=_INPUT)]
