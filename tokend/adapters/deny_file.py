"""Reads the deny file anew when it changes, looking at most twice a second and never longer than it takes to `stat` it.

A file that cannot be read, or is wrong, leaves the entries as they were, and the log says so: nobody is let back in by a
typing error. At the start such a file keeps the server from starting.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tokend.core.deny_entries import Entry, parse_entries, reason
from tokend.core.model import Caller, Grant
from tokend.telemetry.log import JsonLog

LOOK_SECONDS: Final = 0.5
MAX_BYTES: Final = 4 * 1024 * 1024


class DenyFile:
    """`clock`: Unix seconds, for `until`; `elapsed`: seconds that only go forward."""

    def __init__(self, path: str, log: JsonLog, clock: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """Reads the file; `OSError` or `ValueError` where that cannot be."""
        self._path = Path(path)
        self._log = log
        self._clock = clock
        self._elapsed = elapsed
        self._looked_at = elapsed()
        self._seen = self._issuance()
        self._entries = self._read()

    async def denies(self, app: str, caller: Caller, grant: Grant) -> str | None:
        self._look()
        return reason(self._entries, app, caller, grant, int(self._clock()))

    def _look(self) -> None:
        now = self._elapsed()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            issuance = self._issuance()
            if issuance == self._seen:
                return
            self._entries = self._read()
            self._seen = issuance
            self._log.event("deny", entries=len(self._entries))
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else str(error)
            self._log.event("deny", "error", message=f"the deny file is as it was before: {told}")

    def _issuance(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> tuple[Entry, ...]:
        if not self._path.is_file():  # a pipe would be waited for, and all requests with it
            raise ValueError("it is no regular file")
        with self._path.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ValueError("it is over 4 MiB")
        return parse_entries(raw)
