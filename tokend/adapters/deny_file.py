"""The deny list as a file: read at start, and again when it changes.

The file is checked at most twice a second, by `stat`. A file that becomes unreadable or invalid leaves the entries as they
were, and the log reports it: a typing error must not readmit anybody. At start such a file stops the server.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tokend.core.deny_entries import Entry, parse_entries, reason
from tokend.core.model import Caller
from tokend.core.reach import Reach
from tokend.telemetry.log import JsonLog

CHECK_SECONDS: Final = 0.5
"""Seconds between two checks whether the file has changed."""
MAX_BYTES: Final = 4 * 1024 * 1024


class DenyFile:
    """`clock`: Unix seconds, for an entry's `until`. `elapsed`: a monotonic clock, in seconds."""

    def __init__(self, path: str, log: JsonLog, clock: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """Reads the file; `OSError` or `ValueError` if it cannot be read or is invalid."""
        self._path = Path(path)
        self._log = log
        self._clock = clock
        self._elapsed = elapsed
        self._checked_at = elapsed()
        self._version = self._current_version()
        self._entries = self._read()

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        """Why an entry blocks this grant; None if none does."""
        self._read_if_changed()
        return reason(self._entries, app, caller, reach, int(self._clock()))

    def _read_if_changed(self) -> None:
        now = self._elapsed()
        if now - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = now
        try:
            version = self._current_version()
            if version == self._version:
                return
            self._entries = self._read()
            self._version = version
            self._log.event("deny", entries=len(self._entries))
        except (OSError, ValueError) as error:
            problem = error.strerror if isinstance(error, OSError) else str(error)
            self._log.event("deny", "error", message=f"the deny list is unchanged: {problem}")

    def _current_version(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> tuple[Entry, ...]:
        if not self._path.is_file():  # opening a pipe would block the event loop
            raise ValueError("it is not a regular file")
        with self._path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ValueError("it is over 4 MiB")
        return parse_entries(raw)
