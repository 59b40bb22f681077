"""P13: kill -9 of a worker costs only its own requests in flight, which a second try serves. A hundred of them under load."""

import asyncio
import os
import random
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

from soak.disturbance import GOOD, disturbed, failures, log_of, log_size, milliseconds, until
from soak.report import Report
from tests.workers.load import Load
from tests.workers.serving import Running

KILLS: Final = 100
WORKERS: Final = 4
REPLACED_SECONDS: Final = 2.0


def run(report: Report) -> None:
    asyncio.run(_run(report))


async def _run(report: Report) -> None:
    seed = random.randrange(1 << 32)
    report.figure("seed of the kills", seed)
    chance = random.Random(seed)
    seen: set[int] = set()
    async with disturbed(WORKERS) as server:
        seen |= set(server.workers())
        async with Load(server.url + GOOD, 24, retry=True, pause=0.05) as load:
            times = [await _killed(server, chance, seen) for _ in range(KILLS)]
        failures(report, "failed requests after one retry", load)
        report.figure("requests that needed it", f"{load.retried}, {load.retried / KILLS:.1f} a kill")
        found = await server.metrics()
        restarts = {name: count for name, count in found.items() if name.startswith("tokend_worker_restarts_total")}
        told = Counter(str(line["result"]) for line in log_of(server) if line["event"] == "worker")
        report.figure("the log tells of workers", dict(told))
    report.bar("restarts that the metrics tell of", restarts, f"{KILLS}", sum(restarts.values()) == KILLS)
    slowest = f"{milliseconds(max(times))} (median {milliseconds(sorted(times)[KILLS // 2])})"
    report.bar("slowest replacement", slowest, "at most 2 s", max(times) <= REPLACED_SECONDS)
    orphans = [one for one in seen if Path(f"/proc/{one}").exists()]
    report.bar(f"orphans of {len(seen)} workers", len(orphans), "none", not orphans)


async def _killed(server: Running, chance: random.Random, seen: set[int]) -> float:
    """Seconds until another worker is ready in the place of one that is killed at any moment."""
    since = log_size(server)
    victim = chance.choice(server.workers())
    os.kill(victim, signal.SIGKILL)
    took = await until(partial(_replaced, server, since), 30)
    seen |= set(server.workers())
    await asyncio.sleep(chance.uniform(0, 0.3))
    return 30.0 if took is None else took


def _replaced(server: Running, since: int) -> bool:
    return any(line["event"] == "worker" and line["result"] == "started" for line in log_of(server, since))
