"""P9 behind nginx, as docs/operating.md sets it up: rolling restarts lose no GET and no POST.

With connections to tokend that nginx keeps, and in a second run with a new one for each request.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.long.disturbance import GOOD, disturbed, failures, milliseconds
from tests.long.planned_restarts import rolled
from tests.long.report import Report
from tests.long.wrk import Wrk
from tests.system.proxy.nginx import missing, proxying
from tests.system.proxy.upstream import FRESH, kept
from tests.system.workers.load import Load

ROLLING: Final = 20
WORKERS: Final = 2
POST: Final = Path(__file__).with_name("post.lua")


def run(report: Report) -> None:
    if (unmet := missing()) is not None:
        raise SystemExit(unmet)
    asyncio.run(_restarted(report, "kept connections", keeps=True))
    asyncio.run(_restarted(report, "new connections", keeps=False))


async def _restarted(report: Report, name: str, *, keeps: bool) -> None:
    with TemporaryDirectory() as directory:
        async with disturbed(WORKERS) as server:
            upstream, location = kept(server.port) if keeps else ("", FRESH.format(port=server.port))
            with proxying(Path(directory), location, upstream) as url:
                wrk_get, wrk_post = Wrk(url + GOOD.replace("{uid}", "7"), 8), Wrk(url, 8, script=POST)
                now_and_then = Load(url + GOOD, 8, pause=0.05)  # leaves connections idle, which are closed at last
                async with now_and_then, wrk_get, wrk_post:
                    for _ in range(ROLLING):
                        await rolled(server)
            report.figure(f"lines in nginx's error log, {name}", _lines(Path(directory, "error.log")))
    failures(report, f"failed requests through nginx, {name}, wrk, GET", wrk_get)
    failures(report, f"failed requests through nginx, {name}, wrk, POST", wrk_post)
    failures(report, f"failed requests through nginx, {name}, aiohttp, now and then", now_and_then)
    report.figure(f"the longest that one waited, {name}", milliseconds(max(now_and_then.seconds)))


def _lines(log: Path) -> int:
    """One for each connection that was closed when nginx wanted it, say."""
    return len(log.read_text().splitlines())
