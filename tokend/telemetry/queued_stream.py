"""A stream whose `write` never waits: a thread of its own writes to the descriptor.

A reader that stands still, such as a full pipe, would otherwise stop the event loop and with it the whole server.
"""

import os
import select
import threading
from typing import Final

from tokend.telemetry.pipes import end_of_piece

MAX_QUEUED: Final = 4 * 1024 * 1024
"""Bytes that wait at most. What is written beyond them is dropped, and its lines are counted."""
CLOSE_SECONDS: Final = 1.0
"""The longest time for which `close` waits for the rest to be written."""


class QueuedStream:
    """`descriptor`: an open file. `dropped_lines`: how many lines were dropped since the start."""

    def __init__(self, descriptor: int, most: int = MAX_QUEUED) -> None:
        self._descriptor = descriptor
        self._most = most
        self._queued: list[bytes] = []
        self._size = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        self.dropped_lines = 0

    def write(self, data: bytes) -> int:
        """Queue whole lines, or drop all of them if too many wait."""
        with self._changed:
            if self._size + len(data) > self._most:
                self.dropped_lines += data.count(b"\n")
            else:
                self._queued.append(data)
                self._size += len(data)
                self._changed.notify()
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is queued is written as soon as the descriptor takes it."""

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait until everything is written, at most so many seconds. Nothing may be written afterwards."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queued and not self._closing:
                    self._changed.wait()
                if not self._queued:
                    return
                data = b"".join(self._queued)
                self._queued.clear()
            written = self._write(data)
            with self._changed:
                self._size -= len(data)
                self.dropped_lines += data.count(b"\n", written)

    def _write(self, data: bytes) -> int:
        """How many bytes were written: all of them, unless the descriptor fails. A full disk must not stop the service."""
        written = 0
        while written < len(data):
            try:
                written += os.write(self._descriptor, memoryview(data)[written : end_of_piece(data, written)])
            except BlockingIOError:  # the audit uses the same pipe, and has made it non-blocking
                select.select((), (self._descriptor,), ())
            except OSError:
                break
        return written
