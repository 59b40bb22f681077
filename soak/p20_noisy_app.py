"""P20: a noisy app harms only itself. App A is asked at ten times its limit, app B at half of its own, on one server.

B has all of its asks answered, and its p99 stays within twice that of B alone, measured just before in the same run.
"""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from soak.asking import Connection, get, milliseconds, percentile
from soak.report import Report
from soak.servers import Server
from tests.running import APP_ID

LIMIT: Final = 60
"""Asks a second that each app may have; tokens are issued for all of them, so B's share costs as much as it can."""
NOISE: Final = 10
SECONDS: Final = 15.0
CLIENTS: Final = 6
CONFIG: Final = f"""
defaults:
  app_id: "{APP_ID}"
  certificate: {{env: CERTIFICATE}}
  limits: {{app: {LIMIT}/s}}
  callers: {{anybody: {{anonymous: true, may: [{{channel: "demo-*"}}]}}}}
apps: {{a: {{}}, b: {{}}}}
"""


class Found(NamedTuple):
    """Answers by status, and how long each took, in seconds."""

    statuses: Counter[int]
    seconds: list[float]


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "config.yaml")
        config.write_text(CONFIG)
        asyncio.run(_measure(report, config))


async def _measure(report: Report, config: Path) -> None:
    server = await Server.start(config)
    try:
        alone = await _load(server.port, "b", LIMIT / 2)
        noise, beside = await asyncio.gather(_load(server.port, "a", NOISE * LIMIT), _load(server.port, "b", LIMIT / 2))
    finally:
        await server.stop()
    asked, due = sum(noise.statuses.values()), LIMIT + LIMIT * SECONDS
    report.figure(f"app A: answers by status, asked at {asked / SECONDS:,.0f}/s", dict(noise.statuses))
    report.bar("app A: admitted", noise.statuses[200], f"at most {due:,.0f}", noise.statuses[200] <= due * 1.01)
    report.bar(
        "app A: other answers than 200 and 429",
        len(set(noise.statuses) - {200, 429}),
        "none",
        set(noise.statuses) <= {200, 429},
    )
    report.bar("app B: answers by status", dict(beside.statuses), "all 200", set(beside.statuses) == {200})
    base, found = percentile(alone.seconds, 0.99), percentile(beside.seconds, 0.99)
    report.figure("app B alone: p99", milliseconds(base))
    report.bar(
        "app B beside A: p99",
        f"{milliseconds(found)}, {found / base:.1f} x base",
        "at most 2 x base",
        found <= 2 * base,
    )


async def _load(port: int, app: str, rate: float) -> Found:
    """At this rate, whether or not the last answer is there yet in time: a client that is late does not wait again."""
    found, loop = Found(Counter(), []), asyncio.get_running_loop()
    begun, raw = loop.time(), get(f"/{app}/rtc/demo-1/publisher/uid/7/")

    async def ask(number: int) -> None:
        connection = await Connection.open(port)
        try:
            for turn in range(number, int(SECONDS * rate), CLIENTS):
                due = begun + turn / rate
                await asyncio.sleep(max(0.0, due - loop.time()))
                sent = loop.time()
                reply = await connection.ask(raw)
                found.seconds.append(loop.time() - sent)
                found.statuses[reply.status] += 1
        finally:
            connection.close()

    await asyncio.gather(*(ask(one) for one in range(CLIENTS)))
    return found
