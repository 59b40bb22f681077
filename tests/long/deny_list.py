"""P11: a long deny list does not matter. With 100,000 entries a token costs what it costs without, and a change stalls nobody."""

import asyncio
import io
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from tests.long.disturbance import GOOD, failures
from tests.long.report import Report
from tests.long.servers import APP, Server
from tests.long.sizes import amount
from tests.system.workers.load import Load
from tests.unit.issuing.making import CALLER, STAMP, app, route_options, rule
from tokend.adapters.deny_file import DenyFile
from tokend.adapters.deny_file_edit import edit_deny_file
from tokend.core.interfaces import Interfaces
from tokend.core.model import TokenRequest
from tokend.dialects.contract import Issue
from tokend.issuing.issuer import issue
from tokend.telemetry.log import JsonLog

FULL: Final = 100_000
CHANGES: Final = 10
ROUNDS: Final = 40
TOKENS: Final = 250
STALL_SECONDS: Final = 0.02


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_run(report, Path(directory), amount("DENY_ENTRIES", FULL)))


async def _run(report: Report, directory: Path, entries: int) -> None:
    file = directory / "deny.jsonl"
    lines = [
        b'{"app":"demo","user":"blocked-%d","channel":"demo-%d","until":%d}'
        % (number, number % 1000, 4_000_000_000 + number)
        for number in range(entries)
    ]
    file.write_bytes(b"\n".join(lines) + b"\n")
    await _cost(report, file)
    await _changes(report, directory, file)


async def _cost(report: Report, file: Path) -> None:
    """Seconds of tokens with and without the list, in turns, so that other load of the machine affects both."""
    deny = DenyFile(str(file), JsonLog(io.BytesIO(), time.time), time.time, time.monotonic)
    allowed, request = app(rule()), Issue((TokenRequest("rtc", {"channel": "room-1", "uid": 7}),))
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * ROUNDS):
        listed = number % 2 == 1
        interfaces = Interfaces(deny=deny) if listed else Interfaces()
        begun = time.thread_time()
        for _ in range(TOKENS):
            await issue(allowed, route_options(), CALLER, request, [STAMP], interfaces)
        seconds[listed].append((time.thread_time() - begun) / TOKENS)
    none, full = min(seconds[False]), min(seconds[True])
    report.figure("a token", f"{none * 1e6:.1f} µs without a list, {full * 1e6:.1f} µs with {deny.entries:,} entries")
    report.bar("cost of a token", f"{full / none:.3f} times", "at most 1.1 times", full <= 1.1 * none)


async def _changes(report: Report, directory: Path, file: Path) -> None:
    config = directory / "config.yaml"
    config.write_text(f"deny: {{file: deny.jsonl}}\n{APP}")
    server = await Server.start(config)
    url = f"http://127.0.0.1:{server.port}"
    try:
        async with Load(url + GOOD, 1, pause=0.003) as base:
            await asyncio.sleep(5)
        took: list[float] = []
        async with Load(url + GOOD, 1, pause=0.003) as load, ClientSession() as session:
            for number in range(CHANGES):
                line = b'{"user":"%d"}' % (1_000_000 + number)
                address = f"{url}/demo/rtc/demo-room/publisher/uid/{1_000_000 + number}/"
                await asyncio.to_thread(edit_deny_file, file, partial(_with, line))
                took.append(await _until(session, address, 403))
                await asyncio.to_thread(edit_deny_file, file, lambda lines: lines[:-1])
                took.append(await _until(session, address, 200))
    finally:
        await server.stop()
    failures(report, "failed requests", base, load)
    usual = statistics.median(base.seconds)
    report.figure("base", f"median {usual * 1e3:.1f} ms, slowest {max(base.seconds) * 1e3:.1f} ms")
    report.bar("slowest change", f"{max(took):.2f} s", "at most 1 s", max(took) <= 1.0)
    stalled = max(load.seconds) - usual
    report.bar("longest stall by a change", f"{stalled * 1e3:.1f} ms", "at most 20 ms", stalled <= STALL_SECONDS)


def _with(line: bytes, lines: list[bytes]) -> list[bytes]:
    return [*lines, line]


async def _until(session: ClientSession, url: str, status: int) -> float:
    """Seconds until a request has this status."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < 10:
        async with session.get(url) as answer:
            if answer.status == status:
                break
        await asyncio.sleep(0.01)
    return time.perf_counter() - begun
