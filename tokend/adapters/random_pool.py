"""Random numbers of the operating system, read in blocks: one system call for each nonce and request id is slow."""

import os
from typing import Final

POOL: Final = 4096
"""Bytes read at once."""


class RandomPool:
    """Not safe for use by several threads."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)  # a child of the process would draw the same numbers

    def _forget(self) -> None:
        self._pool, self._at = b"", 0

    def nonce(self) -> int:
        """A random number of 128 bits."""
        return int.from_bytes(self._take(16), "big")

    def request_id(self) -> str:
        """16 random hex digits."""
        return self._take(8).hex()

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._pool):
            self._pool, self._at, end = os.urandom(POOL), 0, count
        taken = self._pool[self._at : end]
        self._at = end
        return taken
