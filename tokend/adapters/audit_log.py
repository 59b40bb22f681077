"""Writes the audit: before a token is sent, its line is with the operating system, or on the disk (`sync: batch`).

All decisions of an iteration of the event loop go out in the same write, and each of them waits for it. If a write fails,
nothing is issued: the issuer answers 503, `/readyz` returns 503, and a probe line finds out when writing works again.
"""

import asyncio
import errno
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final

from tokend.adapters.audit_file import AuditTarget
from tokend.core.audit_records import PROBE, body
from tokend.core.deny_entries import DenyChange
from tokend.core.model import Decision
from tokend.core.validation import redact_secrets
from tokend.issuing.audit_settings import AuditSettings
from tokend.telemetry.log import JsonLog

PROBE_SECONDS: Final = 1.0
"""Seconds after a failure until a probe line is written."""
HEAD_SECONDS: Final = 60.0
"""Seconds between two log lines with the heads of the chains, if lines were written."""
LATE_SECONDS: Final = 0.1
LATE_LINES: Final = 128
"""With `sync: off`: the longest time in seconds, and the most lines, that wait to be written."""

Waiters = list["asyncio.Future[None]"]


class Audit:
    """The audit sink of a running server. `writer` names its chain in each target and differs at every start.

    `probe_seconds`: the time from a failure to the next probe. Every decision also tries to write. `instance`:
    `server.instance`, in each line if it is set.
    """

    def __init__(
        self,
        settings: AuditSettings,
        writer: str,
        log: JsonLog,
        *,
        target: Callable[..., AuditTarget] = AuditTarget,
        probe_seconds: float = PROBE_SECONDS,
        instance: str | None = None,
    ) -> None:
        """Opens the targets; `OSError` or, if no thread can be started, `RuntimeError`. `record` needs a running loop."""
        self._sync = settings.sync
        self._hash_ids = settings.hash_ids
        self._log = log
        self._writer = writer
        self._paths = settings.to
        self._probe_seconds = probe_seconds
        synced = self._sync == "batch"
        self._disk = ThreadPoolExecutor(1, "audit-sync")
        if synced:
            self._disk.submit(int)  # starts its thread: at a sync that might be impossible, and requests would wait
        self._targets: list[AuditTarget] = []
        try:
            for path in settings.to:
                self._targets.append(target(path, writer, synced=synced, instance=instance))
        except OSError:
            self._close_targets()
            raise
        self._error: OSError | None = None
        self._bodies: list[bytes] = []
        self._waiters: Waiters = []
        self._unsynced: Waiters = []
        self._syncing: Waiters = []
        self._timer: asyncio.TimerHandle | None = None
        self._probe: asyncio.TimerHandle | None = None
        self._heads: asyncio.TimerHandle | None = None
        self._closed = False

    async def record(self, entries: Sequence[Decision | DenyChange]) -> None:
        """Returns when the entries are as safe as `sync` requires; `OSError` if they cannot be written."""
        if not entries:
            return
        if self._closed:
            raise _closed_error()
        bodies = [body(entry, hash_ids=self._hash_ids) for entry in entries]
        if self._sync == "off" and self._error is None:
            self._write_late(bodies)
        else:
            await self._next_write(bodies)

    def healthy(self) -> bool:
        """Whether the last write, and the last sync, succeeded."""
        return self._error is None

    def flush(self) -> None:
        """Write what `sync: off` keeps for a later write; `OSError` if that fails."""
        for target in self._targets:
            target.write([])

    def reopen(self) -> None:
        """Reopen the files, after log rotation. If that fails, the old file stays in use, and the log reports it."""
        self._write()
        for target in self._targets:
            try:
                target.reopen()
            except OSError as error:
                self._log.event("audit", "error", message=f"cannot reopen the file: {error.strerror}")
        if self._sync == "batch":  # the sync closes the old file, also if no token follows
            synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            synced.add_done_callback(asyncio.Future.exception)
            self._unsynced.append(synced)
            self._sync_more()

    def log_heads(self) -> None:
        """Log the head of each chain, so that another place holds it: who removes later lines has to remove it there too."""
        self._heads = None
        for path, target in zip(self._paths, self._targets, strict=True):
            if target.head is not None:
                sequence, sha256 = target.head
                to = "stdout" if path is None else redact_secrets(path)
                self._log.event("audit_head", to=to, writer=self._writer, sequence=sequence, sha256=sha256)

    def close_chains(self) -> None:
        """Write what `sync: off` keeps, and the closing line of each chain; then only `close` may follow."""
        try:
            self.flush()
            for target in self._targets:
                target.close_chain()
        except OSError as error:
            self._log.event("audit", "error", message=f"a chain cannot be closed: {error.strerror}")

    def close(self) -> None:
        """Write what `sync: off` keeps, and close the targets. Waits for a sync that runs."""
        self.end().result()

    def end(self) -> "Future[None]":
        """Close without waiting: a sync may take minutes on a disk that hangs. The future is done when all is closed."""
        try:
            self.flush()
        except OSError as error:
            self._log.event("audit", "error", message=f"lines are lost at the end: {error.strerror}")
        self._closed = True
        for timer in (self._timer, self._probe, self._heads):
            if timer is not None:
                timer.cancel()
        self._bodies.clear()
        for waiting in (self._waiters, self._unsynced):
            _fail_all(waiting, _closed_error())
            waiting.clear()
        try:
            closed = self._disk.submit(self._close_targets)  # after the sync that runs
        except RuntimeError:  # no thread can be started, so that none runs a sync
            self._close_targets()
            closed = Future()
            closed.set_result(None)
        self._disk.shutdown(wait=False)
        return closed

    def _close_targets(self) -> None:
        for target in self._targets:
            target.close()

    def _write_late(self, bodies: list[bytes]) -> None:
        """With `sync: off`: keep the lines for a later write; raise only if this call writes and that fails."""
        for target in self._targets:
            target.late += bodies
        if len(self._targets[0].late) >= LATE_LINES:
            self._write()
            if self._error is not None:
                raise self._error
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATE_SECONDS, self._write)

    def _next_write(self, bodies: list[bytes]) -> "asyncio.Future[None]":
        """A future that is done after the write at the end of this iteration of the event loop."""
        loop = asyncio.get_running_loop()
        if not self._waiters:
            loop.call_soon(self._write)
        waiter: asyncio.Future[None] = loop.create_future()
        self._bodies += bodies
        self._waiters.append(waiter)
        return waiter

    def _write(self) -> None:
        """Write what waits to each target. No `await` may come between: a chain's lines are made and written without a pause."""
        bodies, self._bodies = self._bodies, []
        waiters, self._waiters = self._waiters, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not bodies and not any(target.late for target in self._targets):
            return
        try:
            for target in self._targets:
                target.write(bodies)
        except OSError as error:
            self._fail(waiters, error)
            return
        if self._heads is None:
            self._heads = asyncio.get_running_loop().call_later(HEAD_SECONDS, self.log_heads)
        if self._sync == "batch":
            self._unsynced += waiters
            self._sync_more()
        else:
            self._release(waiters, self._error)

    def _sync_more(self) -> None:
        """Start an fdatasync for everything that was written while the last one ran."""
        if self._unsynced and not self._syncing:
            self._syncing, self._unsynced = self._unsynced, []
            job = asyncio.get_running_loop().run_in_executor(self._disk, self._sync_targets)
            job.add_done_callback(partial(self._synced, self._error))

    def _sync_targets(self) -> OSError | None:
        try:
            for target in self._targets:
                target.sync()
        except OSError as error:
            return error
        return None

    def _synced(self, earlier_error: OSError | None, job: "asyncio.Future[OSError | None]") -> None:
        waiters, self._syncing = self._syncing, []
        error = job.result()
        if error is None:
            self._release(waiters, earlier_error)
        else:  # the kernel reports it only once: what was written meanwhile may be lost too
            self._fail(waiters + self._unsynced, error)
            self._unsynced = []
        self._sync_more()

    def _release(self, waiters: Waiters, earlier_error: OSError | None) -> None:
        """Let the waiters go on. `earlier_error`: the error before this success; a later error stays in force."""
        if self._error is not None and self._error is earlier_error:
            self._error = None
            self._log.event("audit", message="can be written again")
        for waiter in waiters:
            if not waiter.done():  # its request may have been cancelled
                waiter.set_result(None)

    def _fail(self, waiters: Waiters, error: OSError) -> None:
        if self._error is None:
            self._log.event("audit", "error", message=f"cannot be written, nothing is issued: {error.strerror}")
        self._error = error
        _fail_all(waiters, error)
        if self._probe is None and not self._closed:
            self._probe = asyncio.get_running_loop().call_later(self._probe_seconds, self._try_again)

    def _try_again(self) -> None:
        self._probe = None
        if self._error is not None:
            self._next_write([PROBE]).add_done_callback(lambda probe: probe.cancelled() or probe.exception())


def _closed_error() -> OSError:
    """For a request that outlives its configuration, or the server."""
    return OSError(errno.EBADF, "the audit is closed")


def _fail_all(waiters: Waiters, error: OSError) -> None:
    for waiter in waiters:
        if not waiter.done():  # its request may have been cancelled
            waiter.set_exception(OSError(error.errno, error.strerror))
