"""A worker process: it does what its supervisor says, and ends with it. Started as `python -m tokend.process.worker_main`."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from tokend.adapters.resources import CannotStart
from tokend.config.loading import ConfigError, Files, Source
from tokend.issuing.configuration import Setup
from tokend.process.ipc import Channel
from tokend.process.runtime import answer_first, caps_of, loop_factory, no_core_dumps, seldom_collect
from tokend.process.worker import Worker
from tokend.telemetry.log import JsonLog, capture_libraries, standard_error


def main(listener: int, channel: int) -> None:
    """`listener` and `channel` are descriptors that were inherited."""
    log = standard_error(time.time)
    capture_libraries(log)
    no_core_dumps()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_Child(log, socket.socket(fileno=listener)).obey(socket.socket(fileno=channel)))


class _Child:
    """One method a message; what it returns is the answer's content."""

    def __init__(self, log: JsonLog, listener: socket.socket) -> None:
        self._log = log
        self._listener = listener
        self._worker: Worker | None = None
        self._ending = asyncio.Event()
        self._delay = 0.0

    async def obey(self, end: socket.socket) -> None:
        """Until told to stop, by the supervisor, by SIGTERM, or by the supervisor's end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ending.set)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            loop.add_signal_handler(number, lambda: None)  # they are the supervisor's
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
        while (message := await channel.receive()) is not None:
            do = message.pop("do")
            answer = await getattr(self, f"_do_{do}")(**message)
            channel.send(did=do, **(answer or {}))
        self._ending.set()

    async def _do_start(self, file: str | None, directory: str, files: Any) -> Any:
        self._source = Source(file, os.environ, Path(directory))
        try:
            setup = self._setup(files)
            worker = Worker(self._log, caps_of(setup.server))
            await worker.start(setup, self._listener)
        except (CannotStart, ConfigError) as error:
            return {"problems": [str(error)]}
        self._worker = worker
        seldom_collect()
        answer_first()
        return {"problems": []}

    async def _do_prepare(self, files: Any) -> Any:
        try:
            self._running.offer(await asyncio.to_thread(self._setup, files))
        except (CannotStart, ConfigError) as error:
            return {"problems": [str(error)]}
        return {"problems": []}

    async def _do_commit(self) -> None:
        self._running.swap()

    async def _do_withdraw(self) -> None:
        self._running.withdraw()

    async def _do_reopen(self) -> None:
        self._running.reopen_audit()

    async def _do_report(self) -> Any:
        worker = self._running
        return {"metrics": worker.snapshot().pack(), "unready": worker.unready(), "setup": worker.setup.fingerprint}

    async def _do_stop(self, delay: float) -> None:
        self._delay = delay
        self._ending.set()

    @property
    def _running(self) -> Worker:
        if self._worker is None:
            raise RuntimeError("the worker has not started")
        return self._worker

    def _setup(self, files: Any) -> Setup:
        return self._source.load(Files.unpack(files))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
