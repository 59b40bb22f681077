"""The deny list as a file. A thread looks at it ten times a second, and reads it when it has changed.

A file that cannot be read leaves the list as it was. Editors and copies empty a file before they write it: a file that is
suddenly empty counts after two seconds, and one that has become smaller counts once it stands still.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tokend.adapters.deny_source import MAX_BYTES, TOO_LARGE, DenySource
from tokend.core.validation import redact_secrets
from tokend.telemetry.log import JsonLog

CHECK_SECONDS: Final = 0.1
"""Seconds between two checks whether the file has changed."""
EMPTY_SECONDS: Final = 2.0
"""How long a file must have been empty, or be gone, until that counts; and the longest wait for a file to stand still."""

Version = tuple[int, int, int, int]
"""What `stat` says of a file: when it and its inode changed (nanoseconds), its size (bytes) and its inode."""


def read_deny_file(path: Path) -> tuple[bytes, Version]:
    """Return what a file holds. Raises `OSError` if it cannot be read, `ValueError` if it cannot be a deny list."""
    if not path.is_file() and path.exists():  # to open a pipe would block
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        version = _version_of(file.fileno())
        raw = file.read(MAX_BYTES + 1) if version[2] <= MAX_BYTES else b""
    if max(version[2], len(raw)) > MAX_BYTES:
        raise ValueError(TOO_LARGE)
    return raw, version


class DenyFile(DenySource):
    """The entries of a file."""

    def __init__(self, path: str, log: JsonLog, clock: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """Reads the file; `OSError` or `ValueError` if it cannot be read, or none of its lines is an entry."""
        super().__init__("file", log, clock, elapsed)
        self._path = Path(path)
        self._ended = threading.Event()
        self._changing_since: float | None = None
        self._seen: Version | None = None
        raw, self._version = read_deny_file(self._path)
        self._use(raw)
        if self.problems and not self.entries:
            raise ValueError("; ".join(sorted(self._reported)))

    def start(self) -> None:
        """Look at the file until `close`, in a thread."""
        threading.Thread(target=self._watch, name="deny-list", daemon=True).start()

    async def first_look(self) -> None:
        """Do nothing: the file has been read."""

    async def close(self) -> None:
        """End the thread."""
        self._ended.set()

    def check(self) -> None:
        """Look at the file once, and use what it holds if that is due."""
        now = self._elapsed()
        try:
            version = _version_of(self._path)
        except OSError as error:
            if self._changing_for(now) >= EMPTY_SECONDS:
                self._fail(error.strerror or type(error).__name__)
            self._seen = None
            return
        if self._seen is None and self._changing_since is not None:
            self._changing_since = now  # it is there again: an editor may be about to write it
        if version == self._version and self._error is None:
            self._changing_since, self._checked_at = None, now
        elif self._is_due(version, now):
            try:
                raw, read_version = read_deny_file(self._path)
            except (OSError, ValueError) as error:
                self._fail((error.strerror if isinstance(error, OSError) else None) or str(error))
            else:
                self._use_if_due(raw, read_version, now)
        self._seen = version

    def _is_due(self, version: Version, now: float) -> bool:
        waited = self._changing_for(now)
        return version[2] >= self._version[2] or version == self._seen or waited >= EMPTY_SECONDS

    def _use_if_due(self, raw: bytes, version: Version, now: float) -> None:
        is_empty = not raw or raw.isspace()
        if is_empty and self.entries and self._changing_for(now) < EMPTY_SECONDS:
            return
        if version != self._version:
            self._use(raw)
            self._version = version
        self._error, self._changing_since, self._checked_at = None, None, now

    def _changing_for(self, now: float) -> float:
        """Seconds since the file was first seen to be another than the one in force."""
        if self._changing_since is None:
            self._changing_since = now
        return now - self._changing_since

    def _watch(self) -> None:
        while not self._ended.wait(CHECK_SECONDS):
            try:
                self.check()
            except Exception as error:  # noqa: BLE001  # whatever happens, the file is looked at again
                self._fail(type(error).__name__)


def deny_file_problem(path: str, error: OSError | ValueError, name: str = "deny file") -> str:
    """Return why a deny file, or a file with a saved list, cannot be used, in a sentence."""
    shown = redact_secrets(path)
    if isinstance(error, OSError):
        return f"the {name} cannot be read: {shown}: {error.strerror}"
    return f"the {name} is wrong: {shown}: {error}"


def _version_of(file: int | Path) -> Version:
    status = os.stat(file)  # noqa: PTH116  # of a path or a descriptor
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
