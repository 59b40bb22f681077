"""P9: a planned restart loses nothing. Workers replaced one after the other, and stops and starts on a handed-over socket.

Asked the whole time by aiohttp's client and by wrk, on connections that are kept and on new ones.
"""

import asyncio
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.long.disturbance import GOOD, disturbed, failures, milliseconds, until
from tests.long.report import Report
from tests.long.wrk import Wrk
from tests.system.workers.load import Load
from tests.system.workers.serving import Running, serving, start

ROLLING: Final = 20
STOPS: Final = 5
WORKERS: Final = 2
ROLL_SECONDS: Final = 60.0


def run(report: Report) -> None:
    asyncio.run(_rolling(report))
    asyncio.run(_stops(report))


async def _rolling(report: Report) -> None:
    async with disturbed(WORKERS) as server:

        async def replace() -> None:
            for _ in range(ROLLING):
                await rolled(server)

        await _under_load(report, f"{ROLLING} rolling restarts", server.url, replace)


async def rolled(server: Running) -> None:
    """All workers replaced, one after the other."""
    before = set(server.workers())
    server.process.send_signal(signal.SIGUSR2)
    if await until(lambda: not before & set(server.workers()), ROLL_SECONDS) is None:
        raise SystemExit("the workers were not replaced")


async def _stops(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory, socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        async with serving(Path(directory), WORKERS, descriptor=listener.fileno()) as server:

            async def stop_and_start() -> None:
                for _ in range(STOPS):
                    await asyncio.sleep(1)
                    await _restarted(server, listener.fileno())

            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            await _under_load(report, f"{STOPS} stops and starts", url, stop_and_start)


async def _restarted(server: Running, descriptor: int) -> None:
    if (code := await server.stop()) != 0:
        raise SystemExit(f"it stopped with {code}")
    await start(server, descriptor=descriptor)
    await server.ready()


async def _under_load(report: Report, name: str, url: str, disturb: Callable[[], Awaitable[None]]) -> None:
    kept, fresh = Load(url + GOOD, 4, pause=0.005), Load(url + GOOD, 4, pause=0.005, fresh=True)
    wrk_kept, wrk_fresh = (Wrk(url + GOOD.replace("{uid}", "7"), 4, fresh=one) for one in (False, True))
    async with kept, fresh, wrk_kept, wrk_fresh:
        await disturb()
    failures(report, f"failed requests, {name}, aiohttp, kept connections", kept)
    failures(report, f"failed requests, {name}, aiohttp, new connections", fresh)
    failures(report, f"failed requests, {name}, wrk, kept connections", wrk_kept)
    failures(report, f"failed requests, {name}, wrk, new connections", wrk_fresh)
    report.figure(f"the longest that one waited, {name}", milliseconds(max(*kept.seconds, *fresh.seconds)))
