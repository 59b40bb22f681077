"""P11: a long deny list does not matter. With 100,000 entries a token costs what it costs without, and a change stalls nobody."""

import asyncio
import io
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from tests.long.disturbance import GOOD, failures
from tests.long.report import Report
from tests.long.servers import APP, ENVIRONMENT, Server
from tests.long.sizes import amount
from tests.system.limits.redis_server import RedisServer
from tests.system.workers.load import Load
from tests.unit.issuing.making import CALLER, ISSUANCE, app, route_options, rule
from tokend.adapters.deny_file import DenyFile
from tokend.adapters.deny_file_edit import edit_deny_file
from tokend.adapters.deny_redis import edit_deny_redis
from tokend.core.interfaces import Interfaces
from tokend.core.model import TokenRequest
from tokend.core.secrets import Secret
from tokend.dialects.contract import Issue
from tokend.issuing.issuer import issue
from tokend.telemetry.log import JsonLog

FULL: Final = 100_000
CHANGES: Final = 10
ROUNDS: Final = 40
TOKENS: Final = 250
STALL_SECONDS: Final = 0.02
BLOCKED: Final = "/demo/rtc/demo-1/publisher/uid/1/"


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_run(report, Path(directory), amount("DENY_ENTRIES", FULL)))


async def _run(report: Report, directory: Path, entries: int) -> None:
    file = directory / "deny.jsonl"
    lines = [
        b'{"app":"demo","user":"%d","channel":"demo-%d","until":%d}' % (number, number % 1000, 4_000_000_000 + number)
        for number in range(entries)
    ]
    file.write_bytes(b"\n".join(lines) + b"\n")
    await _cost(report, file)
    await _redis(report, directory, file)
    await _file(report, directory, file)


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
            await issue(allowed, route_options(), CALLER, request, [ISSUANCE], interfaces)
        seconds[listed].append((time.thread_time() - begun) / TOKENS)
    none, full = min(seconds[False]), min(seconds[True])
    report.figure("a token", f"{none * 1e6:.1f} µs without a list, {full * 1e6:.1f} µs with {deny.entries:,} entries")
    report.bar("cost of a token", f"{full / none:.3f} times", "at most 1.1 times", full <= 1.1 * none)


async def _file(report: Report, directory: Path, file: Path) -> None:
    config = directory / "config.yaml"
    config.write_text(f"deny: {{file: deny.jsonl}}\n{APP}")
    server = await Server.start(config)
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as editor:  # the load's process must not be what stalls
            url = await _changes(report, "file", server, partial(_run_in, editor, _edit_file, file))
            async with Load(url + GOOD, 1, pause=0.003) as load, ClientSession() as session:
                await _run_in(editor, _edit_file, file, b"", "empty")
                took = await _until(session, url + BLOCKED, 200)
    finally:
        await server.stop()
    failures(report, "failed requests while the file is empty", load)
    report.bar("an emptied file counts", f"after {took:.2f} s", "after 2 s to 5 s", 2 <= took <= 5)


async def _redis(report: Report, directory: Path, file: Path) -> None:
    config = directory / "redis.yaml"
    config.write_text(f"deny: {{redis: true}}\nredis: {{url: {{env: REDIS_URL}}}}\n{APP}")
    with RedisServer() as redis, ProcessPoolExecutor(1, get_context("spawn")) as editor:
        environment = {**ENVIRONMENT, "REDIS_URL": redis.url}
        lines = file.read_bytes()
        await edit_deny_redis(Secret(redis.url), lambda _: lines.splitlines())
        first, second = await Server.start(config, environment), await Server.start(config, environment)
        try:
            await _changes(report, "Redis", first, partial(_run_in, editor, _edit_redis, redis.url), second)
        finally:
            await first.stop()
            await second.stop()


async def _changes(
    report: Report, source: str, server: Server, edit: Callable[..., Awaitable[None]], *others: Server
) -> str:
    """Change the list again and again under a steady load, and return the URL of the server."""
    urls = [f"http://127.0.0.1:{each.port}" for each in (server, *others)]
    async with ClientSession() as session:
        for url in urls:
            await _until(session, url + BLOCKED, 403)
    async with Load(urls[0] + GOOD, 1, pause=0.003) as base:
        await asyncio.sleep(5)
    took: list[float] = []
    async with Load(urls[0] + GOOD, 1, pause=0.003) as load, ClientSession() as session:
        for number in range(CHANGES):
            line = b'{"user":"%d"}' % (1_000_000 + number)
            for verb, status in (("add", 403), ("reverse", 403), ("remove", 200)):
                await edit(line, verb)
                address = f"/demo/rtc/demo-room/publisher/uid/{1_000_000 + number}/"
                seconds = await asyncio.gather(*(_until(session, url + address, status) for url in urls))
                took.append(max(seconds))
                await asyncio.sleep(0.2)
    failures(report, f"{source}: failed requests", base, load)
    usual = statistics.median(base.seconds)
    stalls = sorted(seconds - usual for seconds in load.seconds)
    report.figure(f"{source}: base", f"median {usual * 1e3:.1f} ms, slowest {max(base.seconds) * 1e3:.1f} ms")
    report.figure(f"{source}: stalls", ", ".join(f"{stall * 1e3:.1f}" for stall in stalls[-5:]) + " ms")
    report.bar(f"{source}: slowest change", f"{max(took):.2f} s", "at most 1 s", max(took) <= 1.0)
    stalled = stalls[-1]
    report.bar(f"{source}: longest stall", f"{stalled * 1e3:.1f} ms", "at most 20 ms", stalled <= STALL_SECONDS)
    return urls[0]


async def _run_in(editor: ProcessPoolExecutor, function: Callable[..., None], *arguments: object) -> None:
    await asyncio.get_running_loop().run_in_executor(editor, function, *arguments)


def _edit_file(file: Path, line: bytes, verb: str) -> None:
    edit_deny_file(file, partial(_changed, line, verb))


def _edit_redis(url: str, line: bytes, verb: str) -> None:
    asyncio.run(edit_deny_redis(Secret(url), partial(_changed, line, verb)))


def _changed(line: bytes, verb: str, lines: list[bytes]) -> list[bytes]:
    match verb:
        case "add":
            return [*lines, line]
        case "remove":
            return [found for found in lines if found != line]
        case "reverse":
            return lines[::-1]
        case _:
            return []


async def _until(session: ClientSession, url: str, status: int) -> float:
    """Seconds until a request has this status."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < 10:
        async with session.get(url) as answer:
            if answer.status == status:
                break
        await asyncio.sleep(0.01)
    return time.perf_counter() - begun
