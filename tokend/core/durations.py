"""Durations as the configuration writes them, `90s`, `30m`, `1h` or `1d`, and in words."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from tokend.core.validation import invalid

UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
"""Seconds of each unit."""
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")


def duration(text: object) -> int:
    """The seconds of a duration; a pydantic error, which is a ValueError, otherwise."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise invalid("must be a number with its unit: 90s, 30m, 1h or 1d")
    return int(found[1]) * UNITS[found[2]]


Duration = Annotated[
    int,
    BeforeValidator(duration, json_schema_input_type=Annotated[str, Field(pattern="^[0-9]{1,9}[smhd]$")]),
]
"""Seconds."""


def written(seconds: int) -> str:
    """Return a duration as the configuration writes it, in the largest unit that divides it: `5400` is `90m`."""
    unit = next(unit for unit in reversed(UNITS) if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}" if seconds else "0s"


_WORDS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def in_words(seconds: int) -> str:
    """Return a duration in words: `5400` is `1 hour 30 minutes`."""
    words = []
    for size, unit in _WORDS:
        count, seconds = divmod(seconds, size)
        if count:
            words.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(words) or "0 seconds"
