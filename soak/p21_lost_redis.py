"""P21: losing Redis behaves as configured: killed, stopped (SIGSTOP), a black hole, slow; `open`, `local` and `closed`.

Each under a steady load. `open` and `local` answer without a 5xx from the first request on, `closed` refuses all of them
once the loss was noticed; after the loss is noticed nobody waits for Redis any more. Healed, Redis counts again.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from soak.asking import Connection, get, milliseconds, percentile
from soak.report import Report
from soak.servers import APP, ENVIRONMENT, Server
from tests.limits.redis_server import Network, RedisServer, network

CLIENTS: Final = 8
PAUSE: Final = 0.02
"""Seconds between a client's answer and its next request: a load that leaves the machine room to be measured."""
BASE_SECONDS: Final = 1.5
LOST_SECONDS: Final = 1.8
NOTICED_SECONDS: Final = 0.3
"""The call that meets the loss may take a tenth of a second; with room for a busy machine."""
HEALED_SECONDS: Final = 2.5
MOST_ADDED: Final = 0.005
LAG: Final = 0.3
MODES: Final = ("open", "local", "closed")
ASK: Final = get("/demo/rtc/demo-1/publisher/uid/7/")


class Seen(NamedTuple):
    """When it was asked for and there, in seconds of the loop."""

    begun: float
    ended: float
    status: int


def losses(redis: RedisServer, way: Network) -> dict[str, tuple[Callable[[], None], Callable[[], None]]]:
    """How Redis is lost, and healed."""

    def lag(seconds: float | None) -> Callable[[], None]:
        return lambda: setattr(way, "lag", seconds)

    return {
        "killed": (redis.kill, redis.start),
        "stopped": (redis.stop, redis.go_on),
        "a black hole": (lag(None), lag(0.0)),
        "slow": (lag(LAG), lag(0.0)),
    }


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for mode in MODES:
            asyncio.run(_mode(report, Path(directory), mode))


async def _mode(report: Report, directory: Path, mode: str) -> None:
    config = directory / "config.yaml"
    config.write_text(f"{APP}\n    limits: {{app: 100000/s}}\nredis: {{url: {{env: REDIS_URL}}, on_failure: {mode}}}\n")
    with RedisServer() as redis:
        async with network(redis) as way:
            server = await Server.start(config, {**ENVIRONMENT, "REDIS_URL": way.url})
            try:
                for name, (lose, heal) in losses(redis, way).items():
                    await _loss(report, f"{mode}, {name}", server.port, mode, lose, heal)
            finally:
                await server.stop()


async def _loss(
    report: Report, name: str, port: int, mode: str, lose: Callable[[], None], heal: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    seen: list[Seen] = []
    clients = [asyncio.create_task(_client(port, seen)) for _ in range(CLIENTS)]
    await asyncio.sleep(BASE_SECONDS)
    lost = loop.time()
    await asyncio.to_thread(lose)
    await asyncio.sleep(LOST_SECONDS)
    healing = loop.time()
    await asyncio.to_thread(heal)
    await asyncio.sleep(HEALED_SECONDS)
    ended = loop.time()
    for client in clients:
        client.cancel()
    for one in await asyncio.gather(*clients, return_exceptions=True):
        if not isinstance(one, asyncio.CancelledError):
            report.bar(f"{name}: a client's connection", repr(one), "no error", held=False)
    base = [one for one in seen if one.ended < lost]
    during = [one for one in seen if one.begun >= lost and one.ended < healing]
    noticed = [one for one in during if one.begun >= lost + NOTICED_SECONDS]
    _answers(report, name, mode, during, noticed)
    added = _p99(noticed) - _p99(base)
    told = f"{milliseconds(added)} to {milliseconds(_p99(base))}, slowest of all {milliseconds(_slowest(during))}"
    report.bar(f"{name}: added p99", told, "at most 5 ms", added <= MOST_ADDED)
    healed = Counter(one.status for one in seen if one.begun >= ended - 0.5)
    report.bar(f"{name}: healed", dict(healed), "only 200", set(healed) == {200})


def _answers(report: Report, name: str, mode: str, during: list[Seen], noticed: list[Seen]) -> None:
    if mode == "closed":
        found, bar = Counter(one.status for one in noticed), "only 503, once it was noticed"
        report.bar(f"{name}: answers", dict(found), bar, set(found) == {503})
    else:
        found = Counter(one.status for one in during)
        report.bar(f"{name}: answers", dict(found), "only 200", set(found) == {200})


def _p99(seen: list[Seen]) -> float:
    return percentile([one.ended - one.begun for one in seen], 0.99)


def _slowest(seen: list[Seen]) -> float:
    return percentile([one.ended - one.begun for one in seen], 1.0)


async def _client(port: int, seen: list[Seen]) -> None:
    loop = asyncio.get_running_loop()
    connection = await Connection.open(port)
    try:
        while True:
            begun = loop.time()
            reply = await connection.ask(ASK)
            seen.append(Seen(begun, loop.time(), reply.status))
            await asyncio.sleep(PAUSE)
    finally:
        connection.close()
