"""P18: it runs for months. Memory, descriptors and threads of a server before and after many requests.

60 % are good, 30 % refused (rules, path, body, lifetime), 10 % cut off in the middle of a request or of its answer.
`SOAK_REQUESTS=10000000` for the full size.
"""

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from soak.asking import Connection, Reply, get, post
from soak.report import Report
from soak.servers import APP, Server
from soak.sizes import amount

REQUESTS: Final = 300_000
WARM_UP: Final = 20_000
CLIENTS: Final = 32
MOST_SLOPE: Final = 0.5
NOISE: Final = 1 << 20
"""Bytes that the allocator may keep or give back without a reason; a slope is only believed beyond it."""
SETTLE_SECONDS: Final = 7.0
"""The server closes what is half a request in five."""
REFUSED: Final = (
    get("/demo/rtc/other-1/publisher/uid/7/"),
    get("/nowhere/at/all"),
    get("/demo/rtc/demo-1/publisher/uid/7/?expiry=0"),
    post("/demo/v1/token", b"{not JSON"),
    get("/demo/rtc/demo-1/emperor/uid/7/"),
)


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "config.yaml")
        config.write_text(APP + "    limits: {app: 100000/s, user: 1000/s}\n")
        asyncio.run(_measure(report, config))


async def _measure(report: Report, config: Path) -> None:
    server = await Server.start(config)
    wanted, done = amount("SOAK_REQUESTS", REQUESTS), Counter[str]()
    try:
        await _load(server.port, iter(range(WARM_UP)), Counter())
        await asyncio.sleep(SETTLE_SECONDS)
        memory, descriptors, threads = _state(server)
        await _load(server.port, iter(range(wanted)), done)
        await asyncio.sleep(SETTLE_SECONDS)
        memory_after, descriptors_after, threads_after = _state(server)
        last = (await _one(server.port)).status
    finally:
        code = await server.stop()
    grown = memory_after - memory
    report.figure("requests", f"{sum(done.values()):,}: {dict(done)}")
    told = f"{grown / wanted:.3f} bytes a request, {memory / 2**20:.1f} to {memory_after / 2**20:.1f} MiB"
    held = grown <= max(MOST_SLOPE * wanted, NOISE)
    report.bar("memory", told, f"at most {MOST_SLOPE} bytes a request, or {NOISE >> 20} MiB in all", held)
    told = f"{descriptors} to {descriptors_after}"
    report.bar("descriptors", told, "back to where they began", descriptors_after == descriptors)
    report.bar("threads", f"{threads} to {threads_after}", "back to where they began", threads_after == threads)
    others = [status for status in done if status not in ("200", "400", "403", "404", "cut off")]
    report.bar("other answers", others or "none", "none", not others)
    report.bar("afterwards it issues, and ends with", f"{last}, exit code {code}", "200, 0", (last, code) == (200, 0))


def _state(server: Server) -> tuple[int, int, int]:
    """Bytes of resident memory, open descriptors, threads."""
    process = Path(f"/proc/{server.process.pid}")
    text = (process / "status").read_text()
    memory, threads = (int(re.findall(rf"{name}:\s+([0-9]+)", text)[0]) for name in ("VmRSS", "Threads"))
    return memory * 1024, len(list((process / "fd").iterdir())), threads


async def _load(port: int, numbers: Iterator[int], done: Counter[str]) -> None:
    async def client() -> None:
        connection = await Connection.open(port)
        try:
            for number in numbers:
                if number % 10 == 9:
                    await _cut_off(port, number)
                    done["cut off"] += 1
                    continue
                refused = number % 10 >= 6
                raw = REFUSED[number // 10 % len(REFUSED)] if refused else _good(number)
                try:
                    reply = await connection.ask(raw)
                    done[str(reply.status)] += 1
                except (ConnectionError, asyncio.IncompleteReadError) as error:
                    done[type(error).__name__] += 1
                    connection.close()
                    connection = await Connection.open(port)
        finally:
            connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


def _good(number: int) -> bytes:
    """Every one for a room and a user of its own: what is remembered by name would pile up."""
    return get(f"/demo/rtc/demo-{number}/publisher/uid/{number + 1}/")


async def _cut_off(port: int, number: int) -> None:
    """Half a head, half a body, or the whole without waiting for the answer."""
    whole = (_good(number), post("/demo/v1/token", b'{"kind": "rtm", "user": "ada"}'), _good(number))[number // 10 % 3]
    with suppress(ConnectionError):
        connection = await Connection.open(port)
        connection.writer.write(whole if number // 10 % 3 == 2 else whole[:-5])
        if number // 10 % 2:
            await asyncio.sleep(0)
            connection.writer.transport.abort()
        else:
            connection.close()


async def _one(port: int) -> Reply:
    connection = await Connection.open(port)
    try:
        return await connection.ask(_good(0))
    finally:
        connection.close()
