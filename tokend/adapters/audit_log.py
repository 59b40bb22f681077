"""Writes the audit: before a token leaves, its line is with the operating system (or on the disk). What fails is told.

All that is decided in one turn of the event loop goes out in one write, and each decision waits for it. What cannot be
written stops issuing: the issuer refuses with 503, `/readyz` says not ready, and a probe line tries again.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from tokend.adapters.audit_file import Target
from tokend.core.audit_records import PROBE, body
from tokend.core.model import Decision
from tokend.issuing.server_settings import AuditSettings
from tokend.telemetry.log import JsonLog

PROBE_SECONDS: Final = 1.0
"""How long after a failure a probe line is written."""
LATE_SECONDS: Final = 0.1
LATE_LINES: Final = 128
"""With `sync: off`, how long and how many lines wait to be written."""

Waiters = list["asyncio.Future[None]"]


class Audit:
    """The sink of a running server. One chain a target, named by `writer`, which differs at every start.

    `probe_seconds`: how long after a failure it tries again by itself; every decision tries too.
    """

    def __init__(
        self,
        settings: AuditSettings,
        writer: str,
        log: JsonLog,
        *,
        target: Callable[..., Target] = Target,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        """Opens the targets; `OSError` where that fails."""
        self._sync = settings.sync
        self._hash_ids = settings.hash_ids
        self._log = log
        self._probe_seconds = probe_seconds
        self._targets = [target(path, writer, synced=self._sync == "batch") for path in settings.to]
        self._disk = ThreadPoolExecutor(1, "audit-sync")  # its thread begins with the first sync
        self._error: OSError | None = None
        self._bodies: list[bytes] = []
        self._waiters: Waiters = []
        self._unsynced: Waiters = []
        self._syncing: Waiters = []
        self._timer: asyncio.TimerHandle | None = None
        self._probe: asyncio.TimerHandle | None = None

    async def record(self, decisions: Sequence[Decision]) -> None:
        """Returns when they are where `sync` wants them; `OSError` if they cannot be brought there."""
        if not decisions:
            return
        bodies = [body(one, hash_ids=self._hash_ids) for one in decisions]
        if self._sync == "off" and self._error is None:
            self._write_late(bodies)
        else:
            await self._next_write(bodies)

    def healthy(self) -> bool:
        """Whether the last write, and the last sync, succeeded."""
        return self._error is None

    def flush(self) -> None:
        """Write what waits to be written, now; `OSError` if that fails."""
        for target in self._targets:
            target.write([])

    def reopen(self) -> None:
        """After rotation. A file that cannot be opened anew stays as it is, and the log says so."""
        self._flush()
        for target in self._targets:
            try:
                target.reopen()
            except OSError as error:
                self._log.event("audit", "error", message=f"cannot reopen the file: {error.strerror}")

    def close(self) -> None:
        """Nothing is recorded any more. Waits for a sync that runs."""
        try:
            self.flush()
        except OSError as error:
            self._log.event("audit", "error", message=f"lines are lost at the end: {error.strerror}")
        for timer in (self._timer, self._probe):
            if timer is not None:
                timer.cancel()
        for waiting in (self._bodies, self._waiters, self._unsynced):
            waiting.clear()
        self._disk.shutdown()
        for target in self._targets:
            target.close()

    def _write_late(self, bodies: list[bytes]) -> None:
        """`sync: off`: nobody waits, unless this is the write that fails."""
        for target in self._targets:
            target.late += bodies
        if len(self._targets[0].late) >= LATE_LINES:
            self._flush()
            if self._error is not None:
                raise self._error
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATE_SECONDS, self._flush)

    def _next_write(self, bodies: list[bytes]) -> "asyncio.Future[None]":
        """Done when the write at the end of this turn is."""
        loop = asyncio.get_running_loop()
        if not self._waiters:
            loop.call_soon(self._flush)
        waiter: asyncio.Future[None] = loop.create_future()
        self._bodies += bodies
        self._waiters.append(waiter)
        return waiter

    def _flush(self) -> None:
        """One write a target. There is no await in here: the lines of one chain are made and written in one go."""
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
        if self._sync == "batch":
            self._unsynced += waiters
            self._sync_more()
        else:
            self._release(waiters, self._error)

    def _sync_more(self) -> None:
        """One fdatasync for all that were written while the one before it ran."""
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

    def _synced(self, before: OSError | None, job: "asyncio.Future[OSError | None]") -> None:
        waiters, self._syncing = self._syncing, []
        error = job.result()
        if error is None:
            self._release(waiters, before)
        else:  # it is told once: what was written meanwhile may be lost as well
            self._fail(waiters + self._unsynced, error)
            self._unsynced = []
        self._sync_more()

    def _release(self, waiters: Waiters, overcome: OSError | None) -> None:
        """`overcome`: the error that this success came after; a newer one stands."""
        if self._error is not None and self._error is overcome:
            self._error = None
            self._log.event("audit", message="can be written again")
        for waiter in waiters:
            if not waiter.done():  # one that has gone is cancelled
                waiter.set_result(None)

    def _fail(self, waiters: Waiters, error: OSError) -> None:
        if self._error is None:
            self._log.event("audit", "error", message=f"cannot be written, nothing is issued: {error.strerror}")
        self._error = error
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(OSError(error.errno, error.strerror))
        if self._probe is None:
            self._probe = asyncio.get_running_loop().call_later(self._probe_seconds, self._try_again)

    def _try_again(self) -> None:
        self._probe = None
        if self._error is not None:
            self._next_write([PROBE]).add_done_callback(lambda probe: probe.cancelled() or probe.exception())
