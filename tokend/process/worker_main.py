"""A worker process: it obeys its parent, and ends with it. Started by `child_command`."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from tokend.adapters.resources import CannotStart
from tokend.config.change import Change
from tokend.config.collector import collect_seldom
from tokend.config.loading import ConfigurationError, Source
from tokend.config.served import Served
from tokend.http.cancellation import ends_task
from tokend.http.connection_limiter import Caps
from tokend.process import event_loop
from tokend.process.ipc import Channel
from tokend.process.runtime import no_core_dumps, prefer_event_loop
from tokend.process.worker import Worker
from tokend.telemetry.log import JsonLog, capture_libraries, exception_fields, queued_standard_error

_AT_ONCE: Final = ("report", "stop", "reopen")
"""Messages that do not wait for the one before."""


def main(listener: int, channel: int) -> None:
    """`listener` and `channel` are descriptors that were inherited."""
    log = queued_standard_error(time.time)
    capture_libraries(log)
    no_core_dumps()
    event_loop.run(_Child(log, socket.socket(fileno=listener)).obey(socket.socket(fileno=channel)), log)
    log.close()


class _Child:
    """One method for each message; what it returns is the answer's content."""

    def __init__(self, log: JsonLog, listener: socket.socket) -> None:
        self._log = log
        self._listener = listener
        self._worker: Worker | None = None
        self._ending = asyncio.Event()
        self._delay = 0.0
        self._changing = asyncio.Lock()

    async def obey(self, end: socket.socket) -> None:
        """Run until the parent says stop or ends."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            loop.add_signal_handler(number, lambda: None)  # the parent handles them, also if all processes get them
        self._log.buffer(loop.call_later)
        channel = await Channel.on(end)
        messages = asyncio.create_task(self._messages(channel))
        await self._ending.wait()
        if self._worker is not None:
            await self._worker.stop(self._delay)
            channel.send(did="report", **await self._do_report())  # what was counted to the last
            await channel.flushed()
        messages.cancel()
        channel.close()
        self._log.buffer(None)

    async def _messages(self, channel: Channel) -> None:
        async with asyncio.TaskGroup() as answers:
            while (message := await channel.receive()) is not None:
                answers.create_task(self._answer(channel, **message))
            self._ending.set()  # whatever is still being done: the parent has ended

    async def _answer(self, channel: Channel, do: str, **message: Any) -> None:
        """Reports go out, and the worker stops, while it prepares: that may take longer than a parent waits for a report."""
        try:
            async with contextlib.nullcontext() if do in _AT_ONCE else self._changing:
                answer = await getattr(self, f"_do_{do}")(**message)
        except (CannotStart, ConfigurationError) as error:
            answer = {"problems": [str(error)]}
        except BaseException as error:  # without an answer it would count as hung
            if ends_task(error):
                raise
            self._log.event("worker", "error", result="failed", doing=do, **exception_fields(error))
            answer = {"problems": [f"a worker failed: it raised {type(error).__name__}; the log says where"]}
        channel.send(did=do, **(answer or {}))

    async def _do_start(
        self,
        file: str | None,
        directory: str,
        served: Any,
        as_started: dict[str, Any],
        only_ready: bool = False,
    ) -> Any:
        """`as_started`: settings of the parent's start, in place of the files'."""
        self._source = Source(file, os.environ, Path(directory))
        isolated = self._source.load_served(msgspec.convert(served, Served))
        worker = Worker(isolated, self._listener, self._log, Caps(*as_started["caps"]))
        worker.control.traces, worker.control.metrics.keeps_details = as_started["traces"], as_started["details"]
        await worker.start(only_ready=only_ready)
        self._worker = worker
        collect_seldom()
        prefer_event_loop()
        return {"problems": [], "not_ready_reasons": worker.control.not_ready_reasons()}

    async def _do_prepare(self, change: Any) -> Any:
        """`follows` is false if the change is to another configuration than the one that this worker serves."""
        described, control = msgspec.convert(change, Change), self._running.control
        found = await asyncio.to_thread(self._source.changed_by, described, control.active.configuration)
        if found is None:
            return {"problems": [], "follows": False}
        await control.prepare(found, described.taken_routes)
        return {"problems": []}

    async def _do_prepare_whole(self, served: Any) -> Any:
        """The same from all files."""
        isolated = await asyncio.to_thread(self._source.load_served, msgspec.convert(served, Served))
        await self._running.control.prepare(isolated.configuration, isolated.taken_routes)
        return {"problems": []}

    async def _do_commit(self) -> None:
        self._running.control.commit()

    async def _do_rollback(self) -> None:
        self._running.control.rollback()

    async def _do_reopen(self) -> None:
        self._running.control.reopen_audit()

    async def _do_report(self) -> Any:
        worker = self._running
        return {
            "metrics": worker.snapshot(),
            "not_ready_reasons": worker.control.not_ready_reasons(),
        }

    async def _do_stop(self, delay: float) -> None:
        self._delay = delay
        self._ending.set()

    @property
    def _running(self) -> Worker:
        if self._worker is None:
            raise RuntimeError("the worker has not started")
        return self._worker
