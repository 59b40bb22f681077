"""Answers requests in process, without a socket: `python -m benchmarks.in_process NAME:TURNS …`, for what counts instructions.

Clock and nonces are the same in each run. In a turn all connections send one request each, as under load.
"""

import argparse
import asyncio
import io
import os
import random
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from aiohttp import web

from benchmarks.scenarios import CREDENTIALS, VARIANTS, keyed_yaml, open_yaml, rtc, variants, with_key
from tokend import create_app
from tokend.adapters.system import Clock
from tokend.config.collector import collect_seldom

REQUESTS: Final[Mapping[str, tuple[Callable[[], str], tuple[bytes, ...]]]] = {
    "zero": (lambda: open_yaml(""), variants(rtc)),
    "key": (keyed_yaml, variants(with_key)),
}
"""The configuration and the requests of each scenario."""
T = TypeVar("T")
NOW: Final = 1_800_000_000.0


class SeededNonces:
    """Random numbers that are the same in each run."""

    def __init__(self) -> None:
        self._random = random.Random(0)

    def nonce(self) -> int:
        return self._random.getrandbits(128)

    def request_id(self) -> str:
        return f"{self._random.getrandbits(64):016x}"


class Connection(asyncio.Transport):
    """A client that reads at once. `answered` is called with each piece that is written."""

    def __init__(self, protocol: asyncio.Protocol, answered: Callable[[bytes], None]) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 8080)})
        self._answered = answered
        self._protocol = protocol
        self._closed = False
        protocol.connection_made(self)

    def send(self, request: bytes) -> None:
        self._protocol.data_received(request)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._answered(bytes(data))

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._protocol.connection_lost(None)

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


class InProcess:
    """The application of a scenario, with a connection for each of its requests.

    `async with` opens and closes it. The current directory must be one in which it may write.
    """

    def __init__(self, name: str) -> None:
        yaml, self._requests = REQUESTS[name]
        Path("benchmarks.yaml").write_text(yaml())
        clock = Clock(lambda: NOW, lambda: 0.0)
        app = create_app("benchmarks.yaml", environ=CREDENTIALS, clock=clock, nonces=SeededNonces(), log=io.BytesIO())
        self._runner = web.AppRunner(app, access_log=None)
        self._pieces: list[bytes] = []

    async def __aenter__(self) -> "InProcess":
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        self._connections = [Connection(server(), self._pieces.append) for _ in self._requests]
        await self.turn()
        collect_seldom()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def turn(self) -> None:
        """One request on each connection, and all answers."""
        self._pieces.clear()
        for connection, request in zip(self._connections, self._requests, strict=True):
            connection.send(request)
        while len(self._pieces) < len(self._requests):
            await asyncio.sleep(0)
        if not all(piece.startswith(b"HTTP/1.1 200 ") for piece in self._pieces):
            raise SystemExit(f"an answer is not 200: {self._pieces[0][:300]!r}")


class StoppedClock(asyncio.SelectorEventLoop):
    """Timers never fire, so that two runs do the same, however long they take."""

    def time(self) -> float:
        return 0.0


async def answer(name: str, turns: int) -> None:
    """The requests of so many turns, each VARIANTS of them."""
    async with InProcess(name) as server:
        for _ in range(turns):
            await server.turn()


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `work` returns, run in a loop whose clock stands still, in a directory of its own."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="tokend-benchmarks-") as directory:
        os.chdir(directory)
        try:
            with asyncio.Runner(loop_factory=StoppedClock) as runner:
                return runner.run(work())
        finally:
            os.chdir(before)


def main() -> None:
    """Each run in a process of its own, which begins where this one is then: what differs is what the requests did."""
    parser = argparse.ArgumentParser(prog="benchmarks.in_process", description="Answer requests in process.")
    parser.add_argument(
        "runs", nargs="+", metavar="NAME:TURNS", help=f"a scenario, and turns of {VARIANTS} requests each"
    )
    runs = [(name, int(turns)) for name, _, turns in (named.partition(":") for named in parser.parse_args().runs)]
    for name in sorted({name for name, _ in runs}):
        run(partial(answer, name, 1))
    for name, turns in runs:
        child = os.fork()
        if child == 0:
            run(partial(answer, name, turns))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status != 0:
            raise SystemExit(f"{name}:{turns} ended with {status}")
        print(child, name, turns, flush=True)


if __name__ == "__main__":
    main()
