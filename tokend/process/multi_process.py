"""The parent of several workers: it owns the sockets, replaces workers that end or hang, and has all of them reload together.

It answers no request of the public listener itself. Its children run `worker_main.py`; both talk over a `Channel`.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Coroutine
from typing import Any, Final

import msgspec

from tokend.adapters.loop_timeout import loop_timeout
from tokend.adapters.resources import CannotStart
from tokend.config.change import Change
from tokend.config.isolation import Isolated
from tokend.config.loading import Files
from tokend.config.served import Served
from tokend.http.reloader import Reloader
from tokend.process.child_command import child_command
from tokend.process.control import LaunchOptions
from tokend.process.ipc import Channel
from tokend.process.runtime import caps_of
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import NOTHING, Metrics, Snapshot, counters_of, merged
from tokend.telemetry.process_usage import process_usage

REPORT_SECONDS: Final = 1.0
"""How often each worker is asked how it is."""
HUNG_SECONDS: Final = 10.0
"""A worker that has not answered for so long is killed and replaced. Time in which the parent is late is not counted."""
PREPARE_SECONDS: Final = 120.0
"""The longest that a worker may take to start, or to make ready for another configuration; counted in the same way."""
SHORT_LIFE: Final = 5.0
MAX_PAUSE: Final = 5.0
"""A worker that lived shorter than SHORT_LIFE is replaced after a pause that doubles, up to this; seconds."""
STOP_SECONDS: Final = 15.0
"""The longest that a worker may take to finish once it is told to stop, beside `server.drain`."""


class _Worker:
    """One child process, as its parent knows it."""

    def __init__(self, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self.process = process
        self.channel = channel
        self.snapshot = NOTHING
        self.not_ready_reasons: list[str] = ["starting"]
        self.retiring = False
        self.begun = self.heard = asyncio.get_running_loop().time()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._listening = asyncio.create_task(self._listen())

    async def call(self, do: str, seconds: float = PREPARE_SECONDS, **message: Any) -> dict[str, Any] | None:
        """Its answer; None if it has ended, or took too long."""
        if self._listening.done():
            return None
        answer = self._answers.get(do)
        if answer is None or answer.done():
            answer = self._answers[do] = asyncio.get_running_loop().create_future()
            self.channel.send(do=do, **message)
        try:
            return await loop_timeout(seconds, asyncio.shield(answer))
        except (TimeoutError, ConnectionError):
            return None

    async def _listen(self) -> None:
        while (message := await self.channel.receive()) is not None:
            self.heard = asyncio.get_running_loop().time()
            if "metrics" in message:
                self.snapshot = msgspec.convert(message["metrics"], Snapshot)
                self.not_ready_reasons = message["not_ready_reasons"]
            if (answer := self._answers.pop(message["did"], None)) is not None and not answer.done():
                answer.set_result(message)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError())
                answer.exception()  # nobody may be waiting any more

    def kill(self) -> None:
        """End it at once. `Process.kill` is not used: it may collect the exit code, and asyncio then reports 255."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)


class MultiProcessServer:
    """The `ServerHandle` of several processes. Create it in a running loop."""

    def __init__(self, start: LaunchOptions, log: JsonLog, listener: socket.socket) -> None:
        self._metrics = Metrics()
        self._start = start
        self._served = Served.at_start(start.isolated, start.files.record())
        self._as_started = _as_started(start)
        self._log = log
        self._listener = listener
        self._workers: list[_Worker] = []
        self._ended = NOTHING
        self._stopping = False
        self._heard = asyncio.get_running_loop().time()
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.reloader = Reloader(
            start.source, start.isolated, start.files, self._install, log, self._metrics, start.warnings_of
        )

    async def start(self) -> None:
        """Start all workers; `CannotStart` if one cannot."""
        try:
            started = await asyncio.gather(
                *(self._spawn(only_ready=False) for _ in range(self._start.workers)), return_exceptions=True
            )
        except asyncio.CancelledError:
            await self.stop(0)
            raise
        for result in started:
            if isinstance(result, BaseException):
                await self.stop(0)
                raise result
        self._task(self._look_after())

    async def snapshot(self) -> Snapshot:
        await asyncio.gather(*(worker.call("report", REPORT_SECONDS) for worker in self._workers))
        own = self._metrics.snapshot(
            {"tokend_log_lines_dropped": {(): float(self._log.dropped_lines)}, **process_usage()}
        )
        return merged([self._ended, own, *(worker.snapshot for worker in self._workers)])

    def not_ready_reasons(self) -> list[str]:
        if self._stopping:
            return ["stopping"]
        if not self._workers:
            return ["no worker is running"]
        # of any worker: the kernel would still give it its share of the requests
        return sorted(
            {reason for worker in self._workers if not worker.retiring for reason in worker.not_ready_reasons}
        )

    def alive(self, now: float) -> bool:
        """Whether a worker was heard lately."""
        self._heard = max([self._heard, *(worker.heard for worker in self._workers)])
        return self._stopping or now - self._heard < HUNG_SECONDS

    def reopen_audit(self) -> None:
        for worker in self._workers:
            worker.channel.send(do="reopen")

    async def replace_workers(self) -> None:
        async with self._changing:
            for old in list(self._workers):
                if self._stopping:
                    return
                if old not in self._workers:  # it has ended, and is replaced already
                    continue
                try:
                    await self._spawn()
                except CannotStart as error:
                    self._log.event("workers", "error", message=f"cannot be replaced: {error}")
                    return
                await self._retire(old, self._start.configuration.options.server.drain)
        self._log.event("workers", message="replaced", workers=len(self._workers))

    async def stop(self, delay: float) -> None:
        self._stopping = True
        asyncio.get_running_loop().call_later(delay, self._listener.close)
        await asyncio.gather(*(self._retire(worker, delay) for worker in list(self._workers)))
        with contextlib.suppress(TimeoutError):  # a worker that hangs while it starts ends when this process does
            async with asyncio.timeout(STOP_SECONDS), self._changing:  # a worker may have been started meanwhile
                await asyncio.gather(*(self._retire(worker, 0) for worker in list(self._workers)))
        for task in self._tasks:
            task.cancel()

    async def _install(self, isolated: Isolated, files: Files) -> list[str]:
        """All workers prepare; only if all can, all commit."""
        async with self._changing:
            served = self._served.followed_by(isolated, files.record())
            workers = list(self._workers)
            # one after the other: to build thousands of apps in all of them at once would take the processor from requests
            answers: list[dict[str, Any] | None] = []
            for worker in workers:
                answers.append(await self._prepare(worker, isolated.change, served))
                if answers[-1] is not None and answers[-1]["problems"]:  # each may wait for Redis
                    break
            received = [answer for answer in answers if answer is not None]
            problems = [problem for answer in received for problem in answer["problems"]]
            if problems or not received:
                for worker in workers:
                    worker.channel.send(do="rollback")
                return sorted(set(problems)) or ["no worker answers"]
            for worker, answer in zip(workers, answers, strict=True):
                if answer is None:
                    worker.kill()  # its replacement gets the new configuration
            self._served = served
            prepared = [worker for worker, answer in zip(workers, answers, strict=True) if answer is not None]
            await asyncio.gather(*(worker.call("commit") for worker in prepared))
            return []

    async def _prepare(self, worker: _Worker, change: Change | None, served: Served) -> dict[str, Any] | None:
        """The worker's answer. It builds the whole only if it serves another configuration than the change begins with."""
        answer = await worker.call("prepare", change=change)
        if answer is not None and not answer.get("follows", True):
            self._log.event("worker", "warning", result="loads everything", pid=worker.process.pid)
            answer = await worker.call("prepare_whole", served=served)
        return answer

    async def _spawn(self, *, only_ready: bool = True) -> None:
        """One more worker, ready to answer; `CannotStart` with its reason.

        `only_ready`: beside a worker that is ready, none that is not. It would answer its share of the requests with 503.
        """
        try:
            worker = await self._launched()
        except (OSError, RuntimeError, ValueError) as error:  # no descriptor, process, thread or memory is left
            raise CannotStart(f"a process cannot be started: {getattr(error, 'strerror', None) or error}") from error
        source = self._start.source
        try:
            answer = await worker.call(
                "start",
                file=source.file,
                directory=str(source.directory),
                served=self._served,
                as_started=self._as_started,
                only_ready=only_ready
                and any(not (other.retiring or other.not_ready_reasons) for other in self._workers),
            )
        except asyncio.CancelledError:  # it may hang, and would not notice that its parent ends
            worker.kill()
            await worker.process.wait()  # asyncio logs a process that ends after the event loop
            raise
        if answer is None or answer["problems"]:
            worker.kill()
            await worker.process.wait()
            if answer is not None:
                raise CannotStart("; ".join(answer["problems"]))
            self._count_end(worker)  # it was lost, as a worker is that ends later
            raise CannotStart("a worker ended, or hung, before it was ready")
        worker.not_ready_reasons = answer["not_ready_reasons"]
        self._workers.append(worker)
        worker.channel.send(do="reopen")  # the audit may have been rotated after this worker opened it
        self._task(self._replace_when_ended(worker))
        self._log.event("worker", result="started", pid=worker.process.pid)

    async def _launched(self) -> _Worker:
        """A process that has not been told what to serve. `OSError`, `RuntimeError`, `ValueError`: none can start."""
        ours, theirs = socket.socketpair()
        with theirs:
            fds = (self._listener.fileno(), theirs.fileno())
            try:
                process = await asyncio.create_subprocess_exec(
                    *child_command(fds),
                    pass_fds=fds,
                    stdin=asyncio.subprocess.DEVNULL,
                )
                return _Worker(process, await Channel.on(ours))
            except BaseException:
                ours.close()  # a process that was started then ends by itself
                raise

    async def _replace_when_ended(self, worker: _Worker) -> None:
        await worker.process.wait()
        if worker.retiring or self._stopping:
            return
        self._forget(worker)
        self._count_end(worker)
        pause = 0.0 if asyncio.get_running_loop().time() - worker.begun > SHORT_LIFE else 0.1
        while not self._stopping:
            await asyncio.sleep(pause)
            async with self._changing:
                if self._stopping or len(self._workers) >= self._start.workers:
                    return
                try:
                    await self._spawn()
                    return
                except CannotStart as error:
                    self._log.event("worker", "error", result="cannot start", message=str(error))
            pause = min(MAX_PAUSE, pause * 2 or 0.1)

    def _count_end(self, worker: _Worker) -> None:
        reason = "killed" if (worker.process.returncode or 0) < 0 else "exited"
        self._metrics.count("tokend_worker_restarts", reason)
        self._log.event("worker", "error", result=reason, pid=worker.process.pid, code=worker.process.returncode)

    async def _retire(self, worker: _Worker, delay: float) -> None:
        worker.retiring = True
        worker.channel.send(do="stop", delay=delay)
        try:
            await asyncio.wait_for(worker.process.wait(), delay + STOP_SECONDS)
        except TimeoutError:
            worker.kill()
            await worker.process.wait()
        self._forget(worker)

    def _forget(self, worker: _Worker) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
            self._ended = merged([self._ended, counters_of(worker.snapshot)])
            worker.channel.close()

    async def _look_after(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + REPORT_SECONDS
            await asyncio.sleep(REPORT_SECONDS)
            now = loop.time()
            for worker in self._workers:
                worker.heard += now - due  # a machine that was suspended stopped the workers too
                self._task(worker.call("report", HUNG_SECONDS))
                if now - worker.heard > HUNG_SECONDS and not worker.retiring:
                    self._log.event("worker", "error", result="hung", pid=worker.process.pid)
                    worker.kill()

    def _task(self, work: Coroutine[Any, Any, Any]) -> None:
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _as_started(start: LaunchOptions) -> dict[str, Any]:
    """Settings of the start that no reload changes: workers that start later have them too."""
    settings = start.configuration.options.server
    caps = caps_of(settings)
    details = settings.admin is not None and settings.admin.details
    return {"caps": [caps.total, caps.per_address], "traces": settings.traces, "details": details}


def workers_of(written: int) -> int:
    """How many processes: as written, or, for 0, one for each core that this process may use."""
    return written or len(os.sched_getaffinity(0))
