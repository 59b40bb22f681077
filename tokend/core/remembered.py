"""What is remembered, such as tokens that were verified: as much as fits into a number of bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
_CONTAINER: Final = 16
"""The bytes that the garbage collector adds to a list or a mapping."""


class Remembered(Generic[Key, Value]):
    """Values by key, of at most `max_bytes` together. What was not used for the longest time makes room for others."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries = OrderedDict[Key, tuple[Value, int]]()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """The value of a key, or None. It counts as used."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def keep(self, key: Key, value: Value, size: int) -> None:
        """Remember a value that takes `size` bytes. One that is larger than all room is not kept."""
        self.forget(key)
        if size > self._max_bytes:
            return
        self._entries[key] = value, size
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, (_, freed) = self._entries.popitem(last=False)
            self._bytes -= freed

    def forget(self, key: Key) -> None:
        """Drop the value of a key, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]


def memory_of(value: object) -> int:
    """The bytes that a value of JSON takes, with all that it contains."""
    size, rest = 0, [value]
    while rest:
        outer = rest.pop()
        size += outer.__sizeof__()
        if isinstance(outer, dict | list):
            size += _CONTAINER
            rest += [*outer, *outer.values()] if isinstance(outer, dict) else outer
    return size
