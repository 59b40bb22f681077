"""P18: it runs for months. Memory of a server along many requests; its descriptors, threads and tasks before and after.

60 % are good and 30 % refused (rules, path, body, lifetime), sent by wrk; 10 % are cut off in the middle of a request or
of its answer. An hour or more; `PROOF_REQUESTS=300000` for fewer, which cannot tell half a byte a request from noise.
"""

import asyncio
import re
import signal
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from tests.long import counted_tasks
from tests.long.asking import Connection, Reply, get, post
from tests.long.report import Report
from tests.long.servers import APP, ENVIRONMENT, Server
from tests.long.sizes import amount
from tests.long.wrk import counted
from tests.system.workers.load import waits

REQUESTS: Final = 10_000_000
SAMPLES: Final = 40
WARM_UP: Final = 2
"""Further such parts before the first sample, a twentieth of the whole."""
CLIENTS: Final = 8
MOST_SLOPE: Final = 0.5
SETTLE_SECONDS: Final = 7.0
"""The server closes what is half a request in five."""
SCRIPT: Final = Path(__file__).with_name("months.lua")
CUT_OFF: Final = 1 << 30
"""Numbers of users from here on are those of requests that are cut off."""


class State(NamedTuple):
    """What must come back to where it began."""

    descriptors: int
    threads: int
    tasks: int


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "config.yaml")
        config.write_text(APP + "    limits: {app: 100000/s, user: 1000/s}\n")
        asyncio.run(_measure(report, config))


async def _measure(report: Report, config: Path) -> None:
    told = config.with_name("tasks")
    server = await Server.start(config, ENVIRONMENT, sys.executable, counted_tasks.__file__, str(told))
    part = amount("PROOF_REQUESTS", REQUESTS) // SAMPLES
    done, memory = Counter[str](), list[int]()
    try:
        for number in range(WARM_UP):
            await _part(server.port, number, part)
        await asyncio.sleep(SETTLE_SECONDS)
        before = await _state(server, told)
        for number in range(WARM_UP, WARM_UP + SAMPLES):
            done += await _part(server.port, number, part)
            memory.append(_resident(server))
            report.detail(f"after {sum(done.values()):,}", f"{memory[-1] / 2**20:.1f} MiB")
        await asyncio.sleep(SETTLE_SECONDS)
        after = await _state(server, told)
        last = (await _one(server.port)).status
    finally:
        code = await server.stop()
    report.figure("requests", f"{sum(done.values()):,}: {dict(done)}")
    slope, error = slope_of([part * number for number in range(SAMPLES)], memory)
    report.figure("memory", f"{memory[0] / 2**20:.1f} to {memory[-1] / 2**20:.1f} MiB")
    written = f"{slope:.3f} bytes a request (standard error {error:.3f}, {SAMPLES} samples)"
    report.bar("its slope", written, f"at most {MOST_SLOPE}", slope <= MOST_SLOPE)
    for name, was, now in zip(State._fields, before, after, strict=True):
        report.bar(name, f"{was} to {now}", "back to where they began", was == now)
    others = {status: count for status, count in done.items() if status not in ("200", "400", "403", "404", "cut off")}
    report.bar("other answers", others or "none", "none", not others)
    report.bar("afterwards it issues, and ends with", f"{last}, exit code {code}", "200, 0", (last, code) == (200, 0))


def slope_of(requests: list[int], memory: list[int]) -> tuple[float, float]:
    """By least squares, and its standard error; bytes a request."""
    slope, first = statistics.linear_regression(requests, memory)
    squares = sum((had - first - slope * sent) ** 2 for sent, had in zip(requests, memory, strict=True))
    mean = statistics.fmean(requests)
    spread = sum((sent - mean) ** 2 for sent in requests)
    return slope, (squares / (len(requests) - 2) / spread) ** 0.5


def _resident(server: Server) -> int:
    """Bytes of memory that it holds."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+([0-9]+)", text)[0]) * 1024


async def _state(server: Server, told: Path) -> State:
    process = Path(f"/proc/{server.process.pid}")
    told.unlink(missing_ok=True)
    server.process.send_signal(signal.SIGRTMIN)
    for pause in waits():
        if told.exists():
            break
        await asyncio.sleep(pause)
    tasks = int(told.read_text())
    return State(len(list((process / "fd").iterdir())), len(list((process / "task").iterdir())), tasks)


async def _part(port: int, number: int, count: int) -> Counter[str]:
    """So many requests, of numbers of their own; what came back."""
    cut_off, url = iter(range(number * count, number * count + count // 10)), f"http://127.0.0.1:{port}"
    wrk = counted(url, SCRIPT, number * 2 * count, count - count // 10)
    cutting_off = (_cutting_off(port, cut_off) for _ in range(CLIENTS))
    done, _ = await asyncio.gather(wrk, asyncio.gather(*cutting_off))
    return done + Counter({"cut off": count // 10})


async def _cutting_off(port: int, numbers: Iterator[int]) -> None:
    for number in numbers:
        await _cut_off(port, number)


async def _cut_off(port: int, number: int) -> None:
    """Half a head, half a body, or the whole without waiting for the answer."""
    good = get(f"/demo/rtc/demo-{number}/publisher/uid/{CUT_OFF + number}/")
    whole = (good, post("/demo/v1/token", b'{"kind": "rtm", "user": "ada"}'), good)[number % 3]
    with suppress(ConnectionError):
        connection = await Connection.open(port)
        connection.writer.write(whole if number % 3 == 2 else whole[:-5])
        if number // 3 % 2:
            await asyncio.sleep(0)
            connection.writer.transport.abort()
        else:
            connection.close()


async def _one(port: int) -> Reply:
    connection = await Connection.open(port)
    try:
        return await connection.token_request(get("/demo/rtc/demo-0/publisher/uid/1/"))
    finally:
        connection.close()
