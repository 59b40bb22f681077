"""P11: a log reader that stands still does not matter. It costs lines, which are counted, and nothing else."""

import asyncio
import os
from typing import Final

from tests.long.disturbance import GOOD, disturbed, failures
from tests.long.report import Report
from tests.long.sizes import amount
from tests.system.workers.load import Load

FULL: Final = 100_000
STOP_SECONDS: Final = 10.0


def run(report: Report) -> None:
    asyncio.run(_run(report))


async def _run(report: Report) -> None:
    requests = amount("STALLED_REQUESTS", FULL)
    reading, writing = os.pipe()
    before = ("sh", "-c", f'exec "$@" 2>/proc/{os.getpid()}/fd/{writing}', "sh")
    loop = asyncio.get_running_loop()
    async with disturbed(1, before=before) as server:
        async with Load(server.url + GOOD, 16) as load:
            while load.answered < requests and not load.failed:
                await asyncio.sleep(0.1)
        failures(report, "failed requests", load)
        report.bar("requests answered", f"{load.answered:,}", f"at least {requests:,}", load.answered >= requests)
        dropped = (await server.metrics())["tokend_log_lines_dropped_total"]
        report.bar("lines dropped and counted", f"{dropped:,.0f}", "more than none", dropped > 0)
        begun = loop.time()
        code = await server.stop()
        took = loop.time() - begun
        report.bar("exit code after SIGTERM", code, "0", code == 0)
        report.bar("seconds until it ended", f"{took:.1f}", "at most 10", took <= STOP_SECONDS)
    os.close(reading)
    os.close(writing)
