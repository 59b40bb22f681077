"""P3: what the audit costs: 64 clients by wrk on servers without one and with each `sync`, in turns of one run.

A client waits 40 to 120 ms between two requests, so that the server has time left: at full load a longer p99 would only
tell again how much processor time a request takes, which is told beside it.
What a `sync` adds is the median of its rounds against the rounds without an audit just before; the interval holds the
true median in 95 of 100 runs.
"""

import asyncio
import os
import re
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.long import wrk
from tests.long.report import Report
from tests.long.servers import APP, ENVIRONMENT, Server

ROUNDS = 17
SECONDS = 5
CONNECTIONS = 64
MODES = (None, "os", "batch", "off")
MOST_ADDED_MS = {"os": 0.1, "batch": 2.0, "off": 0.1}
_PAUSES = "function delay() return math.random(40, 120) end\n"
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_FIFTH_OF_17 = 4
"""The fifth smallest and fifth largest of 17 hold the median between them with 95 % (binomial)."""


def run(report: Report) -> None:
    wrk.needed()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_measure(report, Path(directory)))


async def _measure(report: Report, directory: Path) -> None:
    pauses = directory / "pauses.lua"
    pauses.write_text(_PAUSES)
    servers: dict[str | None, Server] = {}
    for mode in MODES:
        config = directory / f"{mode}.yaml"
        audit = f"audit: {{to: {{file: {directory}/{mode}.jsonl}}, sync: {mode}}}\n" if mode else ""
        config.write_text(audit + APP)
        servers[mode] = await Server.start(config, ENVIRONMENT)
    p99: dict[str | None, list[float]] = {mode: [] for mode in MODES}
    cpu: dict[str | None, list[float]] = {mode: [] for mode in MODES}
    try:
        for _ in range(ROUNDS):
            for mode, server in servers.items():
                milliseconds, microseconds = await _load(server, pauses)
                p99[mode].append(milliseconds)
                cpu[mode].append(microseconds)
    finally:
        for server in servers.values():
            await server.stop()
    for mode in MODES:
        taken = f"p99 {statistics.median(p99[mode]):.2f} ms, {statistics.median(cpu[mode]):.0f} us CPU a request"
        report.figure(f"audit {mode or 'none'}", f"{taken} (medians of {ROUNDS} rounds)")
    for mode, most in MOST_ADDED_MS.items():
        added, low, high = _median(p99[mode], p99[None])
        report.bar(
            *(f"audit {mode}: added p99", f"{added:.2f} ms ({low:.2f} to {high:.2f})", f"at most {most} ms"),
            added <= most,
        )
        added, low, high = _median(cpu[mode], cpu[None])
        report.figure(f"audit {mode}: added CPU", f"{added:.0f} us a request ({low:.0f} to {high:.0f})")


def _median(taken: Sequence[float], base: Sequence[float]) -> tuple[float, float, float]:
    differences = sorted(one - other for one, other in zip(taken, base, strict=True))
    return statistics.median(differences), differences[_FIFTH_OF_17], differences[-1 - _FIFTH_OF_17]


async def _load(server: Server, pauses: Path) -> tuple[float, float]:
    """p99 in ms, and the server's processor time of a request in microseconds."""
    before = _cpu_seconds(server)
    load = await asyncio.create_subprocess_exec(
        *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", str(pauses)),
        f"http://127.0.0.1:{server.port}/demo/rtc/demo-1/publisher/uid/7",
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await load.communicate())[0].decode()
    p99 = re.search(r"99%\s+([0-9.]+)(us|ms|s)\n", printed)
    count = re.search(r"([0-9]+) requests in", printed)
    if p99 is None or count is None or "Non-2xx" in printed:
        raise SystemExit(f"wrk says:\n{printed}")
    cpu = (_cpu_seconds(server) - before) / int(count[1])
    return float(p99[1]) * _UNITS[p99[2]], cpu * 1e6


def _cpu_seconds(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
