"""P13: kill -9 of a worker costs only its own requests in flight, which a second try serves. A hundred of them under load.

`PROOF_KILLS=10` for fewer.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Final

from tests.long.disturbance import GOOD, disturbed, failures, log_of, log_size, milliseconds, until
from tests.long.report import Report
from tests.long.sizes import amount
from tests.system.workers.load import Load
from tests.system.workers.serving import Running

KILLS: Final = 100
WORKERS: Final = 4
CLIENTS: Final = 24
PAUSES: Final = (0.05, 0.0)
"""Seconds. On the server's own two cores clients that never pause take what a starting worker needs."""
REPLACED_SECONDS: Final = 2.0


def run(report: Report) -> None:
    for pause in PAUSES:
        asyncio.run(_run(report, pause))


async def _run(report: Report, pause: float) -> None:
    name = f"clients that pause for {milliseconds(pause)}" if pause else "clients that never pause"
    kills, seed = amount("PROOF_KILLS", KILLS), random.randrange(1 << 32)
    report.figure(f"seed of the kills, {name}", seed)
    chance = random.Random(seed)
    async with disturbed(WORKERS) as server:
        if await until(lambda: len(_started(server)) == WORKERS, REPLACED_SECONDS) is None:
            raise SystemExit("its log does not tell of all workers")
        seen = _started(server)
        async with Load(server.url + GOOD, CLIENTS, retry=True, pause=pause) as load:
            times = [await _killed(server, chance, seen) for _ in range(kills)]
        failures(report, f"failed requests after one retry, {name}", load)
        report.figure("requests that needed it", f"{load.retried}, {load.retried / kills:.1f} a kill")
        found = await server.metrics()
        restarts = {one: count for one, count in found.items() if one.startswith("tokend_worker_restarts_total")}
        told = Counter(str(line["result"]) for line in log_of(server) if line["event"] == "worker")
        report.figure("the log tells of workers", dict(told))
    report.bar("restarts that the metrics tell of", restarts, f"{kills}", sum(restarts.values()) == kills)
    slowest = f"{milliseconds(max(times))} (median {milliseconds(sorted(times)[kills // 2])})"
    report.bar(f"slowest replacement, {name}", slowest, "at most 2 s", max(times) <= REPLACED_SECONDS)
    orphans = [one for one in seen if Path(f"/proc/{one}").exists()]
    report.bar(f"orphans of {len(seen)} workers", len(orphans), "none", not orphans)


async def _killed(server: Running, chance: random.Random, seen: set[int]) -> float:
    """Seconds until the log tells of another worker, after one is killed at any moment.

    The log may be a tenth of a second late, so that a worker counts by its process id, not by when its line is written.
    """
    since = log_size(server)
    os.kill(chance.choice(server.workers()), signal.SIGKILL)
    took = await until(lambda: bool(_started(server, since) - seen), 30)
    seen |= _started(server, since)
    await asyncio.sleep(chance.uniform(0, 0.3))
    return 30.0 if took is None else took


def _started(server: Running, since: int = 0) -> set[int]:
    """Process ids of the workers that the log says are ready, from a byte of it on."""
    lines = log_of(server, since)
    return {int(line["pid"]) for line in lines if line["event"] == "worker" and line["result"] == "started"}
