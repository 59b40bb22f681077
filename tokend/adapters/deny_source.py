"""What a source of the deny list has in force. The sources are a file (`deny_file.py`) and Redis (`deny_redis.py`).

Only lines that have changed are parsed, whatever their order. No mistake lets anybody in: lines that are no entries are
reported, the others count at once, and until all lines are entries none is removed.
"""

import io
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

from tokend.core.deny_entries import line_problem, parse_line
from tokend.core.deny_index import DenyIndex
from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller
from tokend.core.reach import Reach
from tokend.telemetry.log import JsonLog

MAX_BYTES: Final = 32 * 1024 * 1024
"""The most that a source may hold."""
TOO_LARGE: Final = f"it is over {MAX_BYTES >> 20} MiB"
MAX_PROBLEMS: Final = 20
"""The most lines whose mistakes are reported one by one."""
WORK_SECONDS: Final = 0.001
PAUSE_SECONDS: Final = 0.0005
"""A thread works for so long, and then pauses: only one thread of a process can run, and requests must not wait for it."""
_LINES: Final = 32
"""Lines between two looks at the clock."""


def joined(lines: Iterable[bytes]) -> bytes:
    """What a source holds that has these lines. `ValueError` if no server would read it."""
    raw = b"".join(line + b"\n" for line in lines)
    if len(raw) > MAX_BYTES:
        raise ValueError(f"it would be over {MAX_BYTES >> 20} MiB: first remove entries, such as those that have ended")
    return raw


class DenySource(ABC):
    """A list of entries, one JSON object per line."""

    def __init__(self, name: str, log: JsonLog, clock: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """`clock`: Unix seconds, for an entry's `until`. `elapsed`: a monotonic clock, in seconds."""
        self.name = name
        self._log = log
        self._clock = clock
        self._elapsed = elapsed
        self._index = DenyIndex()
        self._lines: dict[bytes, int] = {}
        """The lines in force, with their ends. The number is that of the last version that has the line."""
        self._versions = 0
        self._reported: frozenset[str] = frozenset()
        self._line_problems = 0
        self._error: str | None = None
        self._checked_at = elapsed()
        self._resumed_at = 0.0

    @abstractmethod
    def start(self) -> None:
        """Look for changes until `close`. Needs a running loop."""

    @abstractmethod
    async def close(self) -> None:
        """Look for no more changes."""

    @abstractmethod
    async def first_look(self) -> None:
        """Wait until the source has been looked at for the first time, whether it could be read or not."""

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        """Why an entry blocks this grant; None if none does. `ApiError` if the source has not been read yet."""
        if not self.has_been_read:
            raise ApiError(
                Code.UNAVAILABLE, "the deny list cannot be read", operator=f"deny: {self.name} has not been read yet"
            )
        return self._index.reason(app, caller, reach, int(self._clock()))

    @property
    def has_been_read(self) -> bool:
        """Whether it is known who is blocked, or was when the source could be read."""
        return self._versions > 0

    @property
    def entries(self) -> int:
        """How many entries are in force."""
        return self._index.count

    @property
    def problems(self) -> int:
        """How many lines are no entries, and one more if the source cannot be read."""
        return self._line_problems + (self._error is not None)

    def age(self) -> float:
        """Seconds since the list was last known to be what the source says."""
        return max(0.0, self._elapsed() - self._checked_at)

    def _use(self, raw: bytes, *, removes: bool = True) -> None:
        """Put these lines into force, and the others out of it if it `removes`. Only one thread at a time may call it."""
        self._resumed_at = time.perf_counter()
        version, checked, problems, sentences = self._versions + 1, 0, 0, []
        lines, known = io.BytesIO(raw), self._lines
        while block := list(islice(lines, _LINES)):
            self._pause()
            for number, line in enumerate(block, checked + 1):
                if line in known:
                    known[line] = version
                    continue
                try:
                    entry = parse_line(line)
                except ValueError as error:
                    problems += 1
                    if problems <= MAX_PROBLEMS:
                        sentences.append(line_problem(number, error))
                else:
                    if entry is not None:
                        self._index.add(entry)
                        known[line] = version
            checked += len(block)
        if removes and not problems:
            self._remove_all_but(version)
        if problems > MAX_PROBLEMS:
            sentences.append(f"{problems - MAX_PROBLEMS} more lines are no entries")
        self._versions, self._line_problems = version, problems
        self._report(sentences)

    def _remove_all_but(self, version: int) -> None:
        removed: list[bytes] = []
        lines = iter(self._lines.items())
        while block := list(islice(lines, _LINES)):
            self._pause()
            removed += [line for line, last_version in block if last_version != version]
        self._index.remove(filter(None, map(parse_line, removed)), self._pause)
        while removed:  # to free a long list at once takes long
            if len(removed) % _LINES == 0:
                self._pause()
            del self._lines[removed.pop()]

    def _report(self, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            if sentence not in self._reported:
                self._log.event_from_thread("deny", "error", message=f"deny list: {sentence}; the other lines count")
        self._reported = frozenset(sentences)
        if self._versions > 1:
            self._log.event_from_thread("deny", source=self.name, entries=self.entries, problems=self._line_problems)

    def _fail(self, sentence: str) -> None:
        if self._error != sentence:
            # it may belong to a configuration that does not serve, such as that of a reload which is refused for it
            before = "a configuration issues no token before its deny list has been read"
            state = "the deny entries that were read last stay in force" if self.has_been_read else before
            self._log.event_from_thread("deny", "error", message=f"{state}: {sentence}")
        self._error = sentence

    def _pause(self) -> None:
        if time.perf_counter() - self._resumed_at > WORK_SECONDS:
            time.sleep(PAUSE_SECONDS)
            self._resumed_at = time.perf_counter()


class DenySources:
    """All sources of a configuration: an entry of any of them blocks."""

    def __init__(self, sources: Sequence[DenySource]) -> None:
        self._sources = sources

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        """See `DenySource.denies`."""
        for source in self._sources:
            reason = await source.denies(app, caller, reach)
            if reason is not None:
                return reason
        return None
