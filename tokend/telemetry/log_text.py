"""The text format of the log: a line for people, with the event's message first and its other fields as `name=value`.

Whatever is not printable is escaped as in JSON, so an event is always one line and cannot steer a terminal.
"""

import re
from typing import Final

import msgspec

ENCODER: Final = msgspec.json.Encoder(enc_hook=str)
"""Writes as text whatever JSON has no form for."""
_BARE: Final = re.compile(r"(?![{\[])[^\s\"'=\\]+")
"""Values that need no quotes."""


def text_line(time: str, level: str, event: str, fields: dict[str, object]) -> bytes:
    """One line without its end. `time`: ISO 8601. `fields` are plain data; those that are None are left out."""
    words = [time.replace("+00:00", "Z"), f"{level.upper():7}", event]
    message = fields.get("message")
    if isinstance(message, str):
        words[-1:] = [printable(message)] if event == level else [f"{event}: {printable(message)}"]
    words += [
        f"{printable(name)}={_value(value)}"
        for name, value in fields.items()
        if value is not None and value is not message
    ]
    return " ".join(words).encode("utf-8", "replace")


def _value(value: object) -> str:
    text = value if isinstance(value, str) and _BARE.fullmatch(value) else ENCODER.encode(value).decode()
    return printable(text)


def printable(text: str) -> str:
    """The text with what is not printable as escapes of JSON: it is one line, and cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    """The escape of JSON: characters above U+FFFF are two surrogates."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
