"""P2: when the audit cannot be written, nothing is issued. Each fault in each `sync` mode, under a server that is asked
all the while: only 503 within a second, no hang, not ready within 2 s, and all well again within 2 s.
"""

import asyncio
import hashlib
import time
from typing import Any, NamedTuple

import msgspec

from tests.long.fault_injection import FAULTS, Place, place
from tests.long.report import Report

CLIENTS = 8
PAUSE = 0.005
WELL_SECONDS, FAULT_SECONDS, AGAIN_SECONDS = 1.0, 4.0, 4.0
TOKEN = b"GET /demo/rtc/demo-1/publisher/uid/%d HTTP/1.1\r\nHost: proofs\r\n\r\n"
READY = b"GET /readyz HTTP/1.1\r\nHost: proofs\r\n\r\n"


class HttpResponse(NamedTuple):
    """Of one request: when it was sent, when its answer was there, and its status."""

    sent: float
    came: float
    status: int


class Match(NamedTuple):
    """Of one fault, in seconds: each of these has to be small. `unheard`: answers but 200 and 503; the rest are counts."""

    last_200: float
    slowest: float
    not_ready: float
    ready_again: float
    issues_again: float
    asked: int
    unheard: int
    late_refusals: int
    missing: int

    def __str__(self) -> str:
        return (
            f"last 200 after {self.last_200:.2f} s, slowest answer {self.slowest * 1000:.0f} ms, not ready after"
            f" {self.not_ready:.2f} s; healed, ready after {self.ready_again:.2f} s, issues after"
            f" {self.issues_again:.2f} s; {self.asked:,} asked"
        )


def run(report: Report) -> None:
    found: list[Match] = []
    for sync in ("os", "batch", "off"):
        for fault in FAULTS:
            found.append(asyncio.run(_one(sync, fault)))
            report.figure(f"{sync}, {fault}", found[-1])
    for name, of, most in (
        ("last 200 after a fault began", "last_200", 1.0),
        ("slowest answer", "slowest", 1.0),
        ("not ready after", "not_ready", 2.0),
        ("healed, ready again after", "ready_again", 2.0),
        ("healed, issues again after", "issues_again", 2.0),
    ):
        worst = max(getattr(one, of) for one in found)
        report.bar(f"worst: {name}", f"{worst:.2f} s", f"at most {most:.0f} s", worst <= most)
    for name, of in (
        ("answers that are neither 200 nor 503", "unheard"),
        ("refusals later than 2 s after it was healed", "late_refusals"),
        ("tokens that the audit does not hold", "missing"),
    ):
        total = sum(getattr(one, of) for one in found)
        report.bar(name, total, "none", total == 0)


async def _one(sync: str, fault: str) -> Match:
    tokens: list[HttpResponse] = []
    ready: list[HttpResponse] = []
    held: set[str] = set()
    async with place(sync) as at:
        tasks = [asyncio.create_task(_client(at, number, tokens, held)) for number in range(CLIENTS)]
        tasks.append(asyncio.create_task(_client(at, None, ready, held)))
        await asyncio.sleep(WELL_SECONDS)
        async with FAULTS[fault](at):
            begun = time.monotonic()
            await asyncio.sleep(FAULT_SECONDS)
            healed = time.monotonic()
        await asyncio.sleep(AGAIN_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await at.server.stop()
        missing = held - _audited(at)
    during = [one for one in tokens if begun <= one.sent and one.came < healed]
    return Match(
        last_200=max((one.came - begun for one in during if one.status == 200), default=0.0),
        slowest=max(one.came - one.sent for one in tokens + ready),
        not_ready=_first(ready, 503, begun),
        ready_again=_first(ready, 200, healed),
        issues_again=_first(tokens, 200, healed),
        asked=len(during),
        unheard=sum(one.status not in (200, 503) for one in tokens + ready),
        late_refusals=sum(one.sent > healed + 2 and one.status != 200 for one in tokens + ready),
        missing=len(missing),
    )


def _first(answers: list[HttpResponse], status: int, since: float) -> float:
    return min((one.came - since for one in answers if one.sent >= since and one.status == status), default=99.0)


def _audited(at: Place) -> set[str]:
    found: set[str] = set()
    for line in (at.good.read_bytes() + at.drained).splitlines():
        try:
            entry: Any = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        found.add(entry.get("token_sha256"))
    return found


async def _client(at: Place, number: int | None, answers: list[HttpResponse], held: set[str]) -> None:
    """Asks for tokens, each of its own; without a number, whether the server is ready."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
    count = 0
    while True:
        count += 1
        sent = time.monotonic()
        writer.write(READY if number is None else TOKEN % (number * 1_000_000 + count))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        answers.append(HttpResponse(sent, time.monotonic(), int(head.split(b" ")[1])))
        if number is not None and answers[-1].status == 200:
            held.add(hashlib.sha256(msgspec.json.decode(body)["rtcToken"].encode()).hexdigest())
        await asyncio.sleep(PAUSE)
