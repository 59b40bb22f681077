"""P3: what the audit costs: the same load by wrk on servers without one and with each `sync`, in turns of one run.

Server and wrk have a processor each. The load is all that a server can take, so a longer p99 is more work a request;
the processor time of each request is told too, which other work on the machine changes less. Where the p99 without an
audit spreads by more than what is asked for, the machine is not quiet enough to tell, and the bar counts as missed.
"""

import asyncio
import os
import re
import shutil
import statistics
import tempfile
from pathlib import Path

from soak.report import Report
from soak.servers import APP, ENVIRONMENT, Server

ROUNDS = 5
SECONDS = 4
CONNECTIONS = 64
MODES = (None, "os", "batch", "off")
MOST_ADDED_MS = {"os": 0.1, "batch": 2.0, "off": 0.1}
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def run(report: Report) -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_measure(report, Path(directory)))


async def _measure(report: Report, directory: Path) -> None:
    servers: dict[str | None, Server] = {}
    for mode in MODES:
        config = directory / f"{mode}.yaml"
        audit = f"audit: {{to: {{file: {directory}/{mode}.jsonl}}, sync: {mode}}}\n" if mode else ""
        config.write_text(audit + APP)
        servers[mode] = await Server.start(config, ENVIRONMENT, "taskset", "-c", "0")
    runs: dict[str | None, list[tuple[float, float, float]]] = {mode: [] for mode in MODES}
    try:
        for _ in range(ROUNDS):
            for mode, server in servers.items():
                runs[mode].append(await _load(server))
    finally:
        for server in servers.values():
            await server.stop()
    base = [statistics.median(column) for column in zip(*runs[None], strict=True)]
    noise = max(one[0] for one in runs[None]) - min(one[0] for one in runs[None])
    for mode, taken in runs.items():
        p99, rate, cpu = (statistics.median(column) for column in zip(*taken, strict=True))
        spread = max(one[0] for one in taken) - min(one[0] for one in taken)
        report.figure(
            f"audit {mode or 'none'}",
            f"p99 {p99:.2f} ms (spread {spread:.2f} of {ROUNDS}), {rate:,.0f} requests/s, {cpu:.1f} us CPU a request",
        )
        if mode is not None:
            added, most = p99 - base[0], MOST_ADDED_MS[mode]
            told = "" if noise <= most else f", but without an audit it spreads by {noise:.2f} ms"
            report.bar(
                f"audit {mode}: added p99", f"{added:.2f} ms{told}", f"at most {most} ms", added <= most and not told
            )
            report.figure(f"audit {mode}: added CPU", f"{cpu - base[2]:.1f} us a request")


async def _load(server: Server) -> tuple[float, float, float]:
    """p99 in ms, requests a second, and the server's processor time of a request in microseconds."""
    before = _cpu_seconds(server)
    wrk = await asyncio.create_subprocess_exec(
        *("taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"),
        f"http://127.0.0.1:{server.port}/demo/rtc/demo-1/publisher/uid/7",
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await wrk.communicate())[0].decode()
    p99 = re.search(r"99%\s+([0-9.]+)(us|ms|s)", printed)
    count = re.search(r"([0-9]+) requests in", printed)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", printed)
    if p99 is None or count is None or rate is None or "Non-2xx" in printed:
        raise SystemExit(f"wrk says:\n{printed}")
    cpu = (_cpu_seconds(server) - before) / int(count[1])
    return float(p99[1]) * _UNITS[p99[2]], float(rate[1]), cpu * 1e6


def _cpu_seconds(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
