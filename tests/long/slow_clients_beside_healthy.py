"""P11: slow clients do not matter. Thousands of them beside eight healthy ones, which notice nothing."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final

from tests.long.disturbance import GOOD, base_of, disturbed, failures, latency, resident
from tests.long.report import Report
from tests.long.slow_clients import CLOSED_SECONDS, Closed, attack
from tests.system.workers.load import Load

HEALTHY: Final = 8
PAUSE: Final = 0.02
AT_LEAST: Final = 0.05
"""Seconds of p99 that are always fine."""


def run(report: Report) -> None:
    asyncio.run(_run(report))


async def _run(report: Report) -> None:
    async with disturbed(1) as server:
        healthy = partial(Load, server.url + GOOD, HEALTHY, pause=PAUSE)
        base = await base_of(report, healthy)
        memory = resident(server.process.pid)
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            async with healthy() as load:
                closed = await asyncio.get_running_loop().run_in_executor(pool, attack, server.port)
        failures(report, "failed requests of healthy clients", load)
        latency(report, load, max(2 * base, AT_LEAST), "2 x base, or 50 ms")
        _closed(report, closed)
        report.figure("memory of the server", f"{memory:.0f} MiB before, {resident(server.process.pid):.0f} MiB after")
        lines = sum(1 for line in server.events("connections"))
        report.figure("log lines about them", lines)


def _closed(report: Report, closed: Closed) -> None:
    for name, seconds in closed._asdict().items():
        slowest = max(seconds)
        told = f"{len(seconds):,} closed, the last after {slowest:.1f} s"
        report.bar(f"slow {name}", told, f"within {CLOSED_SECONDS:.0f} s", slowest <= CLOSED_SECONDS)
