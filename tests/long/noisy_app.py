"""P20: a noisy app harms only itself. App A is asked at ten times its limit, app B at half of its own, on one server.

B has all of its asks answered, and its p99 stays within twice that of B alone. Both are measured in turns, several times,
and the medians compared: what else the machine does then falls on both alike, and a single pause of it decides nothing.
"""

import asyncio
import statistics
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from tests.long.asking import Connection, get, milliseconds, percentile
from tests.long.report import Report
from tests.long.servers import Server
from tests.running import APP_ID

LIMIT: Final = 60
"""Asks a second that each app may have; tokens are issued for all of them, so B's share costs as much as it can."""
NOISE: Final = 10
ROUNDS: Final = 5
SECONDS: Final = 3.0
"""Of B alone, and of both, in each round; alone long enough for A to have its whole burst again."""
CLIENTS: Final = 6
CONFIG: Final = f"""
defaults:
  app_id: "{APP_ID}"
  certificate: {{env: CERTIFICATE}}
  limits: {{app: {LIMIT}/s}}
  callers: {{anybody: {{anonymous: true, rules: [{{channel: "demo-*"}}]}}}}
apps: {{a: {{}}, b: {{}}}}
"""


class Match(NamedTuple):
    """Answers by status, how long each took, and all of them together, in seconds."""

    statuses: Counter[int]
    seconds: list[float]
    lasted: float


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "config.yaml")
        config.write_text(CONFIG)
        asyncio.run(_measure(report, config))


async def _measure(report: Report, config: Path) -> None:
    server = await Server.start(config)
    noise, asked_of_b = Counter[int](), Counter[int]()
    single_process: list[float] = []
    beside: list[float] = []
    due = 0.0
    try:
        for _ in range(ROUNDS):
            base = await _load(server.port, "b", LIMIT / 2)
            loud, found = await asyncio.gather(
                _load(server.port, "a", NOISE * LIMIT), _load(server.port, "b", LIMIT / 2)
            )
            noise += loud.statuses
            due += LIMIT + LIMIT * loud.lasted
            asked_of_b += base.statuses + found.statuses
            single_process.append(percentile(base.seconds, 0.99))
            beside.append(percentile(found.seconds, 0.99))
    finally:
        await server.stop()
    report.figure(f"app A: answers by status, asked at {noise.total() / ROUNDS / SECONDS:,.0f}/s", dict(noise))
    report.bar("app A: admitted", noise[200], f"at most {due:,.0f}", noise[200] <= due * 1.01)
    others = noise.total() - noise[200] - noise[429]
    report.bar("app A: other answers than 200 and 429", others, "none", not others)
    report.bar("app B: answers by status", dict(asked_of_b), "all 200", set(asked_of_b) == {200})
    base_p99, found_p99 = statistics.median(single_process), statistics.median(beside)
    report.figure("app B alone: p99", _told(single_process))
    told = f"{_told(beside)}, {found_p99 / base_p99:.1f} x base"
    report.bar("app B beside A: p99", told, "at most 2 x base", found_p99 <= 2 * base_p99)


def _told(seconds: list[float]) -> str:
    return f"{milliseconds(statistics.median(seconds))} ({', '.join(milliseconds(one) for one in seconds)})"


async def _load(port: int, app: str, rate: float) -> Match:
    """At this rate, whether or not the last answer is there yet in time: a client that is late does not wait again."""
    statuses, seconds, loop = Counter[int](), list[float](), asyncio.get_running_loop()
    begun, raw = loop.time(), get(f"/{app}/rtc/demo-1/publisher/uid/7/")

    async def token_request(number: int) -> None:
        connection = await Connection.open(port)
        try:
            for turn in range(number, int(SECONDS * rate), CLIENTS):
                due = begun + turn / rate
                await asyncio.sleep(max(0.0, due - loop.time()))
                sent = loop.time()
                reply = await connection.token_request(raw)
                seconds.append(loop.time() - sent)
                statuses[reply.status] += 1
        finally:
            connection.close()

    await asyncio.gather(*(token_request(one) for one in range(CLIENTS)))
    return Match(statuses, seconds, loop.time() - begun)
