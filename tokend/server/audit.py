"""Writes the audit: before a token leaves, its line is with the operating system (or on the disk). What fails is told.

A line that cannot be written stops issuing: the issuer refuses with 503, `/readyz` says not ready, and a probe line
tries again. Pipes are written without blocking: a reader that stands still is a failure, not a hang.
"""

import asyncio
import os
import stat
from collections.abc import Callable

from tokend.audit import Chain, entry
from tokend.model import Decision
from tokend.server.log import JsonLog
from tokend.setup import AuditSettings

MODE = 0o640
PROBE_SECONDS = 1.0
"""How long after a failed write `/readyz` tries another one."""


class _Target:
    """A file descriptor that whole lines go to."""

    def __init__(self, path: str | None) -> None:
        """`path`: a file to append to; None is standard output."""
        self._path = path
        self._descriptor = self._open()
        self._torn = b""

    def _open(self) -> int:
        if self._path is None:
            descriptor = os.dup(1)
        else:
            descriptor = os.open(
                self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, MODE
            )
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, False)
        return descriptor

    def write(self, lines: bytes) -> None:
        """All of it or `OSError`. What a short write left of a line is ended by a newline before the next."""
        whole = self._torn + lines
        written = os.write(self._descriptor, whole)
        while 0 < written < len(whole):
            self._torn = b"\n"
            whole = whole[written:]
            written = os.write(self._descriptor, whole)
        if written < len(whole):
            raise OSError("nothing was written")
        self._torn = b""

    def sync(self) -> None:
        if self._path is not None:
            os.fdatasync(self._descriptor)

    def reopen(self) -> None:
        """For log rotation: the file of this name may be another one by now."""
        if self._path is not None:
            fresh = self._open()
            os.close(self._descriptor)
            self._descriptor = fresh

    def close(self) -> None:
        os.close(self._descriptor)


class Audit:
    """The sink of a running server. One chain a target, named by `writer`, which differs at every start."""

    def __init__(self, settings: AuditSettings, writer: str, log: JsonLog, elapsed: Callable[[], float]) -> None:
        """Opens the files; `OSError` where that fails."""
        self._settings = settings
        self._log = log
        self._elapsed = elapsed
        self._targets = [(_Target(path), Chain(writer)) for path in settings.targets]
        self._failed_at: float | None = None
        self._written = self._synced = 0
        self._syncing = asyncio.Lock()

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        """On the way to the disk when it returns: with the operating system, or, for `batch`, on the disk."""
        self._write([entry(one, hash_ids=self._settings.hash_ids) for one in decisions])
        if self._settings.sync == "batch":
            await self._sync()

    def healthy(self) -> bool:
        """Whether the last write succeeded. After a failure it tries again, with a line that says so."""
        if self._failed_at is not None and self._elapsed() - self._failed_at >= PROBE_SECONDS:
            try:
                self._write([{"outcome": "probe"}])
            except OSError:
                return False
        return self._failed_at is None

    def reopen(self) -> None:
        """After rotation. A file that cannot be opened anew stays as it is, and the log says so."""
        for target, _ in self._targets:
            try:
                target.reopen()
            except OSError as error:
                self._log.event("audit", "error", message=f"cannot reopen the file: {error.strerror}")

    def close(self) -> None:
        for target, _ in self._targets:
            target.close()

    def _write(self, entries: list[dict[str, object]]) -> None:
        """No await in here: lines of one chain are made and written in one go."""
        try:
            for target, chain in self._targets:
                lines, sequence, previous = chain.lines(entries)
                target.write(lines)
                chain.commit(sequence, previous)
        except OSError as error:
            if self._failed_at is None:
                self._log.event("audit", "error", message=f"cannot be written, nothing is issued: {error.strerror}")
            self._failed_at = self._elapsed()
            raise
        self._written += 1
        if self._failed_at is not None:
            self._failed_at = None
            self._log.event("audit", message="can be written again")

    async def _sync(self) -> None:
        """One fdatasync for all that were written while the one before it ran."""
        mine = self._written
        async with self._syncing:
            if self._synced >= mine:
                return
            covered = self._written
            for target, _ in self._targets:
                await asyncio.to_thread(target.sync)
            self._synced = covered
