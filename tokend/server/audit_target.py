"""One target of the audit: a file, a pipe or standard output, and this writer's chain in it. Whole lines are appended.

Several processes may append to one file. A process that is killed inside a write leaves a piece of a line, of tokens
that it never released; whoever writes next ends that piece with a newline, so that no other line is lost with it.
"""

import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tokend.audit import Chain

MODE: Final = 0o640
PIPE_BYTES: Final = 1 << 20
"""What a pipe is made to hold while its reader is busy: as much as Linux lets anybody ask for."""


class Target:
    """Used by the event loop alone, but for `sync`, which may run in another thread, one at a time."""

    def __init__(self, path: str | None, writer: str, *, synced: bool = False) -> None:
        """`path`: a file to append to; None is standard output. `synced`: `sync` will be called. May raise `OSError`."""
        self.late: list[bytes] = []
        """Bodies that go out before those of the next write, and stay here until they are written."""
        self._path = path
        self._chain = Chain(writer)
        self._synced = synced
        self._retired: list[int] = []
        self._torn = False
        self._use(self._open())

    def write(self, bodies: Sequence[bytes]) -> None:
        """What is late and these at once; `OSError` unless all of it is written. The chain holds what whole lines are."""
        bodies = [*self.late, *bodies]
        if not bodies:
            return
        lines = self._chain.lines(bodies)
        ending = b"\n" if self._is_torn() else b""
        data = b"%b%b\n" % (ending, b"\n".join(lines))
        taken = 0
        try:
            while taken < len(data):
                taken += self.put(data[taken:])
        finally:
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
        self._torn, self._end = False, 0
        if stat.S_ISFIFO(mode):
            os.set_blocking(descriptor, False)
            _enlarge(descriptor)

    def _is_torn(self) -> bool:
        """Whether what stands there ends inside a line: a write of ours that was cut short, or another writer's."""
        if self._path is None or not self._on_disk:  # it may not be read
            return self._torn
        size = os.fstat(self._descriptor).st_size
        if size != self._end:  # somebody else wrote since
            self._torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"
            self._end = size
        return self._torn


def _enlarge(pipe: int) -> None:
    if sys.platform == "linux":
        import fcntl  # not to be had on Windows

        with suppress(OSError):  # not permitted here: it stays as it is
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
