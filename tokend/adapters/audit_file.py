"""A target of the audit: a file, a pipe or standard output, and this writer's chain in it. Whole lines are appended.

Several processes may append to the same file. A line that follows another process's names its hash, read under the lock.
If a process is killed while it writes, the kernel cuts the write at the end of a page. So no line crosses the end of a page,
and each writer locks the file, to know at which byte its write begins.
A full disk cuts a write anywhere. The next writer ends such a torn line with a newline, so that no other line is lost.
"""

import errno
import fcntl
import hashlib
import os
import stat
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tokend.core.audit_records import BLOCK_SIZE, CLOSED, FIRST_PREVIOUS, ROTATED, HashChain, align_to_blocks
from tokend.telemetry.pipes import end_of_piece

MODE: Final = 0o640
PIPE_BYTES: Final = 1 << 20
"""The size of a pipe's buffer: the most that Linux gives an unprivileged process."""

_BLANK: Final = b" \r\n"
_LONGEST_LINE: Final = 1 << 20
"""Bytes. A longer line cannot be of an audit."""

LOCK_TRIES: Final = 50
LOCK_PAUSE: Final = 0.0001
"""How often a lock is tried, and the seconds between two tries. A write takes less than that in all.

If a process was stopped in the middle of a write, the others write without a lock, instead of waiting for it.
"""


class AuditTarget:
    """Not safe for several threads, except that `sync` may run in another thread, one call at a time."""

    def __init__(self, path: str | None, writer: str, *, synced: bool = False, instance: str | None = None) -> None:
        """Opens the target; `OSError` if that fails.

        `path`: a file or pipe to append to; None is standard output. `synced`: whether `sync` will be called.
        `instance`: `server.instance`, in each line if it is set.
        """
        self.late: list[bytes] = []
        """Bodies that the next write writes first. They stay here until they are written."""
        self._path = path
        self._chain = HashChain(writer, instance)
        self._synced = synced
        self._retired: list[int] = []
        self._torn = False
        self._own_last = False
        self._lock_tries = LOCK_TRIES
        self._descriptor = -1
        self._use(self._open())

    def write(self, bodies: Sequence[bytes]) -> None:
        """Write the late bodies and these; `OSError` unless all are written. The chain contains the lines that are whole."""
        bodies = [*self.late, *bodies]
        if not bodies:
            return
        if self._descriptor < 0:
            raise OSError(errno.EBADF, "the audit is closed")
        lines: list[bytes] = []
        locked = self._is_file and _lock(self._descriptor, self._lock_tries)
        # after a lock that was not granted, the next write tries only once
        self._lock_tries = LOCK_TRIES if locked else 1
        taken = 0
        try:
            ending = b"\n" if self._is_torn() else b""
            after = None if self._own_last or not self._is_file else self._last_hash()
            unlocked = self._is_file and (not locked or after == "")
            lines = self._chain.lines(bodies, after, unlocked=unlocked)
            start = self._end + len(ending)
            data = ending + (align_to_blocks(lines, start) if self._is_file else b"%b\n" % b"\n".join(lines))
            while taken < len(data):
                taken += self.put(data[taken:] if self._is_file else data[taken : end_of_piece(data, taken)])
        finally:
            if locked:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            if taken:
                written = data[:taken]
                whole = written.count(b"\n") - len(ending)
                self._chain.commit(lines[:whole])
                del self.late[:whole]
                self._torn = not written.endswith(b"\n")
                self._own_last = not self._torn
                self._end += taken

    def put(self, data: bytes) -> int:
        """The number of bytes that the operating system took, at least 1; `OSError` if it takes none, or the pipe is full."""
        return os.write(self._descriptor, data)

    def sync(self) -> None:
        """Bring everything that is written to the disk, in rotated files too; `OSError` if that fails."""
        retired, self._retired = self._retired, []
        try:
            for descriptor in (*retired, *((self._descriptor,) if self._on_disk else ())):
                os.fdatasync(descriptor)
        finally:
            for descriptor in retired:
                os.close(descriptor)

    def reopen(self) -> None:
        """After log rotation, open the file of this name again. On `OSError` the old file stays in use."""
        if self._path is None:
            return
        new, old = self._open(), self._descriptor
        self._bind_lines_of_others(new)
        if self._synced and self._on_disk:
            self._retired.append(old)
        else:
            os.close(old)
        self._use(new)

    @property
    def head(self) -> tuple[int, str] | None:
        """The sequence and the hash of this writer's last line; None before the first."""
        return self._chain.head

    def close_chain(self) -> None:
        """Write the closing line, if any line was written; `OSError` if that fails."""
        if self.head is not None:
            self.write([CLOSED])

    def close(self) -> None:
        """Close the target and the files that were rotated away."""
        descriptors = (*self._retired, self._descriptor)
        self._retired, self._descriptor = [], -1  # the number may soon be that of a client's connection
        for descriptor in descriptors:
            os.close(descriptor)

    def _open(self) -> int:
        if self._path is None:
            return os.dup(1)
        # a pipe that is open for reading too would report no error when its reader has gone
        access = os.O_WRONLY if Path(self._path).is_fifo() else os.O_RDWR
        flags = access | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            descriptor = os.open(self._path, flags | os.O_EXCL, MODE)  # follows no link: what is given away is new
        except FileExistsError:
            return os.open(self._path, flags, MODE)
        if os.geteuid() == 0:  # a command of root must not make a file that the server cannot open
            with suppress(OSError):
                owner = Path(self._path).parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor

    def _use(self, descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        self._descriptor = descriptor
        self._on_disk = stat.S_ISREG(mode)
        # standard output cannot be read, and is not ours to lock
        self._is_file = self._on_disk and self._path is not None
        self._torn, self._end, self._own_last = False, 0, False
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):  # systemd's standard output is a socket
            os.set_blocking(descriptor, False)
            _enlarge(descriptor)

    def _is_torn(self) -> bool:
        """Whether the target ends inside a line, because a write was cut: ours or another process's."""
        if not self._is_file:
            return self._torn
        size = os.fstat(self._descriptor).st_size
        if size != self._end:  # another process has written
            self._own_last = False
            self._torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"
            self._end = size
        return self._torn

    def _last_hash(self) -> str:
        """The hash of the file's last line, which may be torn; FIRST_PREVIOUS if there is none, empty if it is too long."""
        start, tail = self._end, b""
        while start and len(tail) < _LONGEST_LINE:
            block = min(start, 2 * BLOCK_SIZE)
            start -= block
            tail = os.pread(self._descriptor, block, start) + tail
            line = tail.rstrip(_BLANK)
            if line and (b"\n" in line or not start):
                return hashlib.sha256(line[line.rfind(b"\n") + 1 :].strip(_BLANK)).hexdigest()
        return "" if start else FIRST_PREVIOUS

    def _bind_lines_of_others(self, new: int) -> None:
        """Before a rotated file is left, end it with a line of this chain, which goes on in the `new` one."""
        if not self._is_file or self.head is None or os.path.samestat(os.fstat(new), os.fstat(self._descriptor)):
            return
        if os.fstat(self._descriptor).st_size not in (0, self._end):
            with suppress(OSError):  # then there is no such line
                self.write([ROTATED])


def _lock(file: int, tries: int) -> bool:
    """Whether the lock was granted: then no other process that locks the file writes to it until it is unlocked."""
    for _ in range(tries):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE)
        except OSError:  # the file system has no locks
            return False
        else:
            return True
    return False


def _enlarge(pipe: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError):  # not permitted: the buffer keeps its size
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
