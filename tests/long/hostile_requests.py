"""P10: no input makes it answer 5xx or print a traceback, holds its loop or stays in its memory. `REQUESTS=10000` sends fewer."""

import asyncio
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from aiohttp import ClientSession

from tests.long.disturbance import disturbed, log_of, milliseconds, resident
from tests.long.hostile_clients import NO_ANSWER, attack
from tests.long.report import Report
from tests.long.sizes import amount
from tests.running import CERTIFICATE
from tests.system.workers.serving import Running
from tests.unit.http.hostile import EVERYTHING

REQUESTS: Final = amount("REQUESTS", 1_000_000)
WARM_UP: Final = max(1_000, REQUESTS // 20)
PROCESSES: Final = 2
PROBE_SECONDS: Final = 0.02
MORE_MEMORY: Final = 8.0
OTHER_VERSION: Final = 505


def run(report: Report) -> None:
    asyncio.run(_run(report))


async def _run(report: Report) -> None:
    async with disturbed(1, extra={"CERTIFICATE": CERTIFICATE}) as server:
        (server.directory / "config.yaml").write_text(EVERYTHING)
        status, answer = await server.reload()
        if status != 200:
            raise SystemExit(f"it cannot load what is to be attacked: {answer}")
        with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
            await _attacked(pool, server, 0, WARM_UP)
            before = resident(server.process.pid)
            quiet = asyncio.create_task(_probe(server.url))
            await asyncio.sleep(5)
            quiet.cancel()
            report.figure("slowest /healthz before", milliseconds(max(await quiet)))
            probe = asyncio.create_task(_probe(server.url))
            seen = await _attacked(pool, server, 1, REQUESTS)
            probe.cancel()
        _judge(report, seen, await probe)
        after = resident(server.process.pid)
        report.bar("memory", f"{before:.1f} to {after:.1f} MiB", "at most 8 MB more", after - before <= MORE_MEMORY)
        _read_log(report, server)


async def _attacked(pool: ProcessPoolExecutor, server: Running, seed: int, count: int) -> Counter[int]:
    """The statuses of `count` hostile requests, sent by all processes."""
    loop = asyncio.get_running_loop()
    each = (
        loop.run_in_executor(pool, attack, server.port, seed * PROCESSES + one, count // PROCESSES)
        for one in range(PROCESSES)
    )
    return sum(await asyncio.gather(*each), Counter[int]())


async def _probe(url: str) -> list[float]:
    """Seconds of each look at /healthz, until it is cancelled: a loop that is held up answers nobody."""
    loop, found = asyncio.get_running_loop(), list[float]()
    async with ClientSession() as session:
        try:
            while True:
                begun = loop.time()
                async with session.get(f"{url}/healthz") as answer:
                    await answer.read()
                found.append(loop.time() - begun)
                await asyncio.sleep(PROBE_SECONDS)
        except asyncio.CancelledError:
            return found


def _judge(report: Report, seen: Counter[int], lags: list[float]) -> None:
    statuses = ", ".join(f"{status or 'none'} {count:,}" for status, count in sorted(seen.items()))
    failed = sum(count for status, count in seen.items() if status >= 500 and status != OTHER_VERSION)
    report.bar("hostile requests", f"{seen.total():,}", f"at least {REQUESTS:,}", seen.total() >= REQUESTS)
    report.figure("answers by status", statuses)
    report.bar("answers 5xx", failed, "none", failed == 0)
    report.bar("without any answer", f"{seen[NO_ANSWER]:,}", "at most 10 %", seen[NO_ANSWER] < seen.total() / 10)
    ordered = sorted(lags)
    report.figure("99.9 % of /healthz", milliseconds(ordered[int(len(ordered) * 0.999)]))
    report.bar(
        f"loop lag, slowest of {len(lags):,} /healthz", milliseconds(max(lags)), "at most 100 ms", max(lags) <= 0.1
    )


def _read_log(report: Report, server: Running) -> None:
    odd: Counter[str] = Counter()
    for line in log_of(server):
        if "exception" in line or line["event"] in ("not JSON", "library"):
            odd[str(line.get("at") or line.get("message") or line.get("line"))] += 1
    report.bar("tracebacks and exceptions in the log", dict(odd.most_common(5)) or 0, "none", not odd)
