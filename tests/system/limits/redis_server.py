"""Starts Debian's redis-server on a port that stays its own, and the failures that it or its network can have."""

import asyncio
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from redis import Redis
from redis.exceptions import RedisError

from tests.free_ports import free_port
from tests.needs import skip_or_fail

SECONDS: Final = 10.0
"""The longest that a test waits for it to start or end."""


def need_redis() -> None:
    """Without the program the test is skipped, saying why; where CI=true it fails."""
    if shutil.which("redis-server") is None:
        unmet = "no Redis: redis-server is not on the PATH (on Debian: apt-get install redis-server)"
        skip_or_fail(unmet)


class RedisServer:
    """A context manager that ends it. After `kill`, `start` brings it back on the same port, empty."""

    def __init__(self, *settings: str, file: Path | None = None) -> None:
        """`settings`: more of the command line's. `file`: its configuration."""
        self.settings = settings
        self.port = free_port()
        self._file = file
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, record: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        file = () if self._file is None else (str(self._file),)
        settings = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self._process = subprocess.Popen(
            ["redis-server", *file, *settings, "--enable-debug-command", "local", *self.settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                self.command("PING")
                return
            except (RedisError, OSError):
                time.sleep(0.02)
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(SECONDS)
            self._process = None

    def stop(self) -> None:
        """It keeps its connections, and takes new ones, but does nothing: SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def command(self, *words: str | bytes | int) -> Any:
        with Redis.from_url(self.url, socket_timeout=SECONDS) as client:
            return client.execute_command(*words)

    def time(self) -> int:
        """Its clock, in microseconds."""
        seconds, microseconds = self.command("TIME")
        return int(seconds) * 1_000_000 + int(microseconds)


class Network:
    """What stands between tokend and Redis; `lag` in seconds, None lets nothing through. `server`: where it leads to."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.lag: float | None = 0.0
        self.connections = 0
        self.url = ""


@asynccontextmanager
async def network(server: RedisServer) -> AsyncIterator[Network]:
    """A way to the server that can be slow, or a black hole: it takes connections and what is sent, and never answers."""
    way = Network(server)
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                while way.lag is None:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(way.lag)
                writer.write(data)
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way.connections += 1
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", way.server.port)
        except OSError:
            writer.close()
            return
        for one in (pass_on(reader, inner_writer), pass_on(inner_reader, writer)):
            task = asyncio.create_task(one)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    way.url = f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}/0"
    try:
        yield way
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
