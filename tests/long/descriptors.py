"""P12: descriptors cannot run out. A thousand idle connections, in waves, at a server that may open 256 files."""

import asyncio
from contextlib import suppress
from typing import Final

from tests.long.disturbance import GOOD, disturbed, log_of, many_descriptors
from tests.long.report import Report
from tests.system.workers.load import Load
from tests.system.workers.serving import Running

DESCRIPTORS: Final = 256
WAVES: Final = 12
WAVE: Final = 1_000
WAVE_SECONDS: Final = 5.0
SERVED: Final = 0.99
LINES_A_MINUTE: Final = 100


def run(report: Report) -> None:
    many_descriptors(WAVE + 200)
    asyncio.run(_run(report))


async def _run(report: Report) -> None:
    async with disturbed(1, before=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")) as server:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with (
            Load(server.url + GOOD, 4, pause=0.02) as kept,
            Load(server.url + GOOD, 4, fresh=True, pause=0.02) as new,
        ):
            for _ in range(WAVES):
                await _wave(server)
        minutes = (loop.time() - begun) / 60
        lines = sum(1 for line in log_of(server) if line["event"] != "request")
    for name, load in (("kept", kept), ("new", new)):
        asked = load.answered + load.failed.total()
        part = load.answered / asked
        told = f"{part:.2%} of {asked:,} {dict(load.failed) or ''}".strip()
        report.bar(f"served on {name} connections", told, "at least 99 %", part >= SERVED)
    rate = lines / minutes
    report.bar("log lines that are no request", f"{rate:.0f} a minute", "at most 100", rate <= LINES_A_MINUTE)


async def _wave(server: Running) -> None:
    """So many connections that send nothing, held as long as the server likes, at most WAVE_SECONDS."""

    async def idle() -> None:
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                async with asyncio.timeout(WAVE_SECONDS):
                    await reader.read()
            finally:
                writer.close()

    await asyncio.gather(*(idle() for _ in range(WAVE)))
