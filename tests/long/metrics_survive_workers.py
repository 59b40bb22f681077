"""P25: metrics survive workers. Fifty kills: counters never fall, and neither files nor descriptors grow."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

from tests.long.disturbance import GOOD, disturbed, until
from tests.long.report import Report
from tests.system.workers.load import Load
from tests.system.workers.serving import Running

KILLS: Final = 50
WORKERS: Final = 3
LOOK_SECONDS: Final = 0.1
LATE: Final = 0.9
"""The part of the good answers that the metrics tell of at least: what a worker counted since it was last asked goes
with it, at most a second's worth."""


def run(report: Report) -> None:
    asyncio.run(_run(report))


async def _run(report: Report) -> None:
    fallen: list[str] = []
    async with disturbed(WORKERS) as server:
        before = _held(server)
        async with Load(server.url + GOOD, 6, retry=True, pause=0.02) as load:
            looking = asyncio.create_task(_look(server, fallen))
            for _ in range(KILLS):
                victim = server.workers()[0]
                os.kill(victim, signal.SIGKILL)
                await until(lambda dead=victim: dead not in server.workers() and len(server.workers()) == WORKERS, 20)  # type: ignore[misc]
                await asyncio.sleep(0.3)
            looking.cancel()
            looks = await looking
        after = _held(server)
        counted = (await server.metrics())['tokend_requests_total{app="demo",status="200"}']
    report.bar(f"counters that fell in {looks} looks", fallen or 0, "none", not fallen and looks > KILLS)
    part = counted / load.answered
    report.figure("good answers that the metrics tell of", f"{counted:,.0f} of {load.answered:,} ({part:.1%})")
    report.bar(
        "files of the server, descriptors of the parent", f"{before} before, {after} after", "no more", after <= before
    )


def _held(server: Running) -> tuple[int, int]:
    files = sum(1 for _ in server.directory.rglob("*"))
    return files, len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


async def _look(server: Running, fallen: list[str]) -> int:
    """Compare all counters with those of the look before, until it is cancelled; gives how many looks there were."""
    looks = 0
    seen: dict[str, float] = {}
    try:
        while True:
            found = await server.metrics()
            now = {
                name: value
                for name, value in found.items()
                if "_total" in name or "_bucket" in name or "_count" in name
            }
            fallen += [f"{name} {seen[name]} to {now.get(name)}" for name in seen if now.get(name, 0.0) < seen[name]]
            seen, looks = now, looks + 1
            await asyncio.sleep(LOOK_SECONDS)
    except asyncio.CancelledError:
        return looks
