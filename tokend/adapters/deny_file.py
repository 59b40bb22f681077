"""The deny list as a file. A thread looks at it ten times a second, and reads and parses it when it has changed.

No mistake in the file lets anybody in. Lines that are no entries are reported, and the others count at once; until the file
is corrected, the entries of its last version without mistakes count too. A file that cannot be read leaves the list as it was.
Editors and copies empty a file before they write it: a file that is suddenly empty counts after two seconds, and one that
has become smaller counts once it stands still.
"""

import hashlib
import io
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from tokend.core.deny_entries import Entry, line_problem, parse_entries, parse_line
from tokend.core.deny_index import DenyIndex
from tokend.core.model import Caller
from tokend.core.reach import Reach
from tokend.core.validation import redact_secrets
from tokend.telemetry.log import JsonLog

CHECK_SECONDS: Final = 0.1
"""Seconds between two checks whether the file has changed."""
EMPTY_SECONDS: Final = 2.0
"""How long a file must have been empty, or be gone, until that counts; and the longest wait for a file to stand still."""
MAX_BYTES: Final = 32 * 1024 * 1024
MAX_PROBLEMS: Final = 20
"""The most lines whose mistakes are reported one by one."""
WORK_SECONDS: Final = 0.002
PAUSE_SECONDS: Final = 0.0005
"""The thread works for so long, and then pauses: only one thread of a process can run, and requests must not wait for it."""
MAX_APPENDED: Final = 64 * 1024
"""Bytes. If a file has grown by at most so much, and begins as before, only the new lines are parsed."""
_LINES: Final = 32
"""Lines, or keys of an index, between two looks at the clock."""

Version = tuple[int, int, int, int]
"""What `stat` says of a file: when it and its inode changed (nanoseconds), its size (bytes) and its inode."""


class DenyContent(Struct, frozen=True):
    """What a file holds. `problems`: how many lines are no entries; `sentences` of the first MAX_PROBLEMS of these.

    `digest`: SHA-256 of the file. `added`: entries that are not in `index` yet.
    """

    index: DenyIndex
    problems: int
    sentences: tuple[str, ...]
    version: Version
    size: int
    digest: bytes
    added: tuple[Entry, ...] = ()


def read_deny_file(
    path: Path, pause: Callable[[], None] = lambda: None, earlier: DenyContent | None = None
) -> DenyContent:
    """Read and parse a file. Raises `OSError` if it cannot be read, `ValueError` if it cannot be a deny list.

    `pause` is called every few lines. `earlier`: what the file held before.
    """
    if not path.is_file() and path.exists():  # to open a pipe would block
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        version = _version_of(file.fileno())
        raw = file.read(MAX_BYTES + 1) if version[2] <= MAX_BYTES else b""
    if max(version[2], len(raw)) > MAX_BYTES:
        raise ValueError(f"it is over {MAX_BYTES >> 20} MiB")
    digest = hashlib.sha256(raw).digest()
    if earlier is not None and (added := _appended(raw, earlier)) is not None:
        return DenyContent(earlier.index, 0, (), version, len(raw), digest, added)
    index, problems, sentences = DenyIndex(), 0, []
    for number, line in enumerate(io.BytesIO(raw), 1):
        if number % _LINES == 0:
            pause()
        try:
            entry = parse_line(line)
        except ValueError as error:
            problems += 1
            if problems <= MAX_PROBLEMS:
                sentences.append(line_problem(number, error))
        else:
            if entry is not None:
                index.add(entry)
    if problems > MAX_PROBLEMS:
        sentences.append(f"{problems - MAX_PROBLEMS} more lines are no entries")
    return DenyContent(index, problems, tuple(sentences), version, len(raw), digest)


def _appended(raw: bytes, earlier: DenyContent) -> tuple[Entry, ...] | None:
    """The entries that were appended to a file without mistakes; None if more has changed, or one of them is a mistake."""
    size = earlier.size
    if earlier.problems or not size < len(raw) <= size + MAX_APPENDED or raw[size - 1 : size] != b"\n":
        return None
    if hashlib.sha256(memoryview(raw)[:size]).digest() != earlier.digest:
        return None
    entries, problems = parse_entries(raw[size:])
    return None if problems else tuple(entries)


class DenyFile:
    """`clock`: Unix seconds, for an entry's `until`. `elapsed`: a monotonic clock, in seconds."""

    def __init__(self, path: str, log: JsonLog, clock: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """Reads the file; `OSError` or `ValueError` if it cannot be read, or none of its lines is an entry."""
        self._path = Path(path)
        self._log = log
        self._clock = clock
        self._elapsed = elapsed
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._in_force: tuple[DenyIndex, ...] = ()
        self._sound: DenyIndex | None = None
        self._reported: frozenset[str] = frozenset()
        self._line_problems = 0
        self._error: str | None = None
        self._changing_since: float | None = None
        self._seen: Version | None = None
        self._checked_at = elapsed()
        self._resumed_at = 0.0
        content = usable(read_deny_file(self._path))
        self._version, self._content = content.version, content
        self._use(content)

    def start(self) -> None:
        """Look at the file until `close`, in a thread."""
        threading.Thread(target=self._watch, name="deny-list", daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        """Why an entry blocks this grant; None if none does."""
        now = int(self._clock())
        with self._lock:
            for index in self._in_force:
                reason = index.reason(app, caller, reach, now)
                if reason is not None:
                    return reason
        return None

    @property
    def entries(self) -> int:
        """How many entries are in force."""
        return max((index.count for index in self._in_force), default=0)

    @property
    def problems(self) -> int:
        """How many lines are no entries, and one more if the file cannot be read."""
        return self._line_problems + (self._error is not None)

    def age(self) -> float:
        """Seconds since the list was last known to be what the file says."""
        return max(0.0, self._elapsed() - self._checked_at)

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
        if version == self._version and self._error is None:
            self._changing_since, self._checked_at = None, now
        elif self._is_due(version, now):
            try:
                content = read_deny_file(self._path, self._pause, self._content)
            except (OSError, ValueError) as error:
                self._fail((error.strerror if isinstance(error, OSError) else None) or str(error))
            else:
                self._use_if_due(content, now)
        self._seen = version

    def _is_due(self, version: Version, now: float) -> bool:
        waited = self._changing_for(now)
        return version[2] >= self._version[2] or version == self._seen or waited >= EMPTY_SECONDS

    def _use_if_due(self, content: DenyContent, now: float) -> None:
        is_empty = not content.index.count and not content.problems
        if is_empty and self.entries and self._changing_for(now) < EMPTY_SECONDS:
            return
        self._error, self._changing_since, self._checked_at = None, None, now
        if content.version != self._version or content.problems != self._line_problems:
            self._version, self._content = content.version, content
            self._use(content)

    def _changing_for(self, now: float) -> float:
        """Seconds since the file was first seen to be another than the one in force."""
        if self._changing_since is None:
            self._changing_since = now
        return now - self._changing_since

    def _use(self, content: DenyContent) -> None:
        index, earlier = content.index, self._in_force
        if not content.problems:
            self._sound = index
        in_force = (index,) if self._sound in (None, index) else (index, self._sound)
        with self._lock:
            for entry in content.added:
                index.add(entry)
            self._in_force = tuple(found for found in in_force if found is not None)
        self._line_problems = content.problems
        for sentence in content.sentences:
            if sentence not in self._reported:
                self._log.event_from_thread("deny", "error", message=f"deny list: {sentence}; the other lines count")
        self._reported = frozenset(content.sentences)
        if earlier:
            self._log.event_from_thread("deny", entries=self.entries, problems=content.problems)
        for unused in set(earlier) - set(in_force):
            while unused.discard(_LINES):
                self._pause()

    def _fail(self, sentence: str) -> None:
        if self._error != sentence:
            self._log.event_from_thread("deny", "error", message=f"the deny list is unchanged: {sentence}")
        self._error = sentence

    def _watch(self) -> None:
        while not self._ended.wait(CHECK_SECONDS):
            self._resumed_at = time.perf_counter()
            try:
                self.check()
            except Exception as error:  # noqa: BLE001  # whatever happens, the file is looked at again
                self._fail(type(error).__name__)

    def _pause(self) -> None:
        if time.perf_counter() - self._resumed_at > WORK_SECONDS:
            time.sleep(PAUSE_SECONDS)
            self._resumed_at = time.perf_counter()


def usable(content: DenyContent) -> DenyContent:
    """Return the content; `ValueError` if it has mistakes and no entry at all: such a file is no deny list."""
    if content.problems and not content.index.count:
        raise ValueError("; ".join(content.sentences))
    return content


def deny_file_problem(path: str, error: OSError | ValueError) -> str:
    """Return why a deny file cannot be used, in a sentence."""
    shown = redact_secrets(path)
    if isinstance(error, OSError):
        return f"the deny file cannot be read: {shown}: {error.strerror}"
    return f"the deny file is wrong: {shown}: {error}"


def _version_of(file: int | Path) -> Version:
    status = os.stat(file)  # noqa: PTH116  # of a path or a descriptor
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
