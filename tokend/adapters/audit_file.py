"""One target of the audit: a file, a pipe or standard output, and this writer's chain in it. Whole lines are appended.

Several processes may append to one file. The kernel cuts the write of a process that is killed, at the end of a page:
so no line lies across one, and who writes to a file locks it, to know where that write begins. A disk that is full cuts
anywhere; whoever writes next ends such a piece with a newline, so that no other line is lost with it.
"""

import os
import stat
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tokend.core.audit_records import HashChain, align_to_blocks

MODE: Final = 0o640
PIPE_BYTES: Final = 1 << 20
"""What a pipe is made to hold while its reader is busy: as much as Linux lets anybody ask for."""


LOCK_TRIES: Final = 50
LOCK_PAUSE: Final = 0.0001
"""How often, and after how many seconds, a file is asked for that another process writes to: a write takes less than
that. One that was stopped in the middle of it shall not stop the others, and they write without a lock."""


class Target:
    """Used by the event loop alone, but for `sync`, which may run in another thread, one at a time."""

    def __init__(self, path: str | None, writer: str, *, synced: bool = False) -> None:
        """`path`: a file to append to; None is standard output. `synced`: `sync` will be called. May raise `OSError`."""
        self.late: list[bytes] = []
        """Bodies that go out before those of the next write, and stay here until they are written."""
        self._path = path
        self._chain = HashChain(writer)
        self._synced = synced
        self._retired: list[int] = []
        self._torn = False
        self._lock_tries = LOCK_TRIES
        self._use(self._open())

    def write(self, bodies: Sequence[bytes]) -> None:
        """What is late and these at once; `OSError` unless all of it is written. The chain holds what whole lines are."""
        bodies = [*self.late, *bodies]
        if not bodies:
            return
        lines = self._chain.lines(bodies)
        locked = self._is_file and _lock(self._descriptor, self._lock_tries)
        self._lock_tries = LOCK_TRIES if locked else 1  # one that was waited for in vain is not waited for again
        taken = 0
        try:
            ending = b"\n" if self._is_torn() else b""
            start = self._end + len(ending)
            data = ending + (align_to_blocks(lines, start) if self._is_file else b"%b\n" % b"\n".join(lines))
            while taken < len(data):
                taken += self.put(data[taken:])
        finally:
            if locked:
                _unlock(self._descriptor)
            if taken:
                written = data[:taken]
                whole = written.count(b"\n") - len(ending)
                self._chain.commit(lines[:whole])
                del self.late[:whole]
                self._torn = not written.endswith(b"\n")
                self._end += taken

    def put(self, data: bytes) -> int:
        """How many bytes the operating system took: one or more, or `OSError`. A pipe that is full is an error."""
        return os.write(self._descriptor, data)

    def sync(self) -> None:
        """What is written is on the disk, in files that were rotated away since too; else `OSError`."""
        retired, self._retired = self._retired, []
        try:
            for descriptor in (*retired, *((self._descriptor,) if self._on_disk else ())):
                os.fdatasync(descriptor)
        finally:
            for descriptor in retired:
                os.close(descriptor)

    def reopen(self) -> None:
        """For log rotation: the file of this name may be another one by now. `OSError`: the old one stays."""
        if self._path is None:
            return
        fresh, old = self._open(), self._descriptor
        if self._synced and self._on_disk:
            self._retired.append(old)
        else:
            os.close(old)
        self._use(fresh)

    def close(self) -> None:
        for descriptor in (*self._retired, self._descriptor):
            os.close(descriptor)

    def _open(self) -> int:
        if self._path is None:
            return os.dup(1)
        # a pipe that is opened for reading too would never tell that its reader has gone
        way = os.O_WRONLY if Path(self._path).is_fifo() else os.O_RDWR
        return os.open(self._path, way | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, MODE)

    def _use(self, descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        self._descriptor = descriptor
        self._on_disk = stat.S_ISREG(mode)
        self._is_file = self._on_disk and self._path is not None  # standard output may not be read, and is not ours
        self._torn, self._end = False, 0
        if stat.S_ISFIFO(mode):
            os.set_blocking(descriptor, False)
            _enlarge(descriptor)

    def _is_torn(self) -> bool:
        """Whether what stands there ends inside a line: a write of ours that was cut short, or another writer's."""
        if not self._is_file:
            return self._torn
        size = os.fstat(self._descriptor).st_size
        if size != self._end:  # somebody else wrote since
            self._torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"
            self._end = size
        return self._torn


if sys.platform == "win32":

    def _lock(file: int, tries: int) -> bool:
        return False

    def _unlock(file: int) -> None:
        """It never was locked."""

    def _enlarge(pipe: int) -> None:
        """It stays as it is."""

else:
    import fcntl

    def _lock(file: int, tries: int) -> bool:
        """Whether no other process that asks for it writes to this file until `_unlock`."""
        for _ in range(tries):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(LOCK_PAUSE)
            except OSError:  # a file system that has none
                return False
            else:
                return True
        return False

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

    def _enlarge(pipe: int) -> None:
        if sys.platform == "linux":
            with suppress(OSError):  # not permitted here: it stays as it is
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
