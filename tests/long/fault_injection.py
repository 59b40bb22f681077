"""Real faults for the audit of a running server, without rights and without a special disk.

The audit's path is a link: a fault points it elsewhere and sends SIGUSR1, or takes the room for writing away.
"""

import asyncio
import os
import resource
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from tests.long.servers import APP, Server


class Place:
    """A server, the link that is its audit's path, and the good file behind it. `drained`: what a pipe's reader read."""

    def __init__(self, server: Server, link: Path, good: Path) -> None:
        self.server = server
        self.good = good
        self.drained = b""
        self._link = link

    def point(self, target: Path) -> None:
        """The audit is at `target` from now on."""
        beside = self._link.with_suffix(".new")
        beside.symlink_to(target)
        beside.replace(self._link)
        self.server.process.send_signal(signal.SIGUSR1)


@asynccontextmanager
async def place(sync: str) -> AsyncIterator[Place]:
    """A server whose audit is well."""
    with tempfile.TemporaryDirectory() as directory:
        config, link, good = (Path(directory, name) for name in ("config.yaml", "audit.jsonl", "good.jsonl"))
        link.symlink_to(good)
        config.write_text(f"audit: {{to: {{file: {link}}}, sync: {sync}}}\n{APP}")
        server = await Server.start(config)
        try:
            yield Place(server, link, good)
        finally:
            await server.kill()


@asynccontextmanager
async def no_space(at: Place) -> AsyncIterator[None]:
    """ENOSPC, from the first byte on."""
    at.point(Path("/dev/full"))
    yield
    at.point(at.good)


@asynccontextmanager
async def input_output_error(at: Place) -> AsyncIterator[None]:
    """EIO: what a process gets that writes to its own memory at a place where there is none."""
    at.point(Path("/proc/self/mem"))
    yield
    at.point(at.good)


@asynccontextmanager
async def short_write(at: Place) -> AsyncIterator[None]:
    """A limit of the file's size, amid a line: a part of it is taken, then EFBIG."""
    process = at.server.process.pid
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (at.good.stat().st_size + 10_100, hard))
    yield
    resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))


@asynccontextmanager
async def blocked_pipe(at: Place) -> AsyncIterator[None]:
    """A pipe that is full, whose reader stands still; in the end it reads again."""
    pipe = at.good.with_name("pipe")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    filler = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    at.point(pipe)
    await asyncio.sleep(0.2)  # until the server has opened it, and made it larger
    with suppress(BlockingIOError):
        while True:
            os.write(filler, b"\n" * 4096)
    os.close(filler)
    yield
    loop = asyncio.get_running_loop()

    def read() -> None:
        with suppress(BlockingIOError):
            at.drained += os.read(reader, 1 << 20)

    loop.add_reader(reader, read)


FAULTS: Final[dict[str, Callable[[Place], AbstractAsyncContextManager[None]]]] = {
    "ENOSPC": no_space,
    "EIO": input_output_error,
    "short write": short_write,
    "blocked pipe": blocked_pipe,
}
