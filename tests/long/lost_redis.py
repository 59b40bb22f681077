"""P21: losing Redis behaves as configured: killed, stopped (SIGSTOP), a black hole, slow; `open`, `local` and `closed`.

Three servers lose the same Redis at the same time, under a steady load. `open` and `local` answer without a 5xx from the
first request on, `closed` refuses all of them once the loss was noticed; then nobody waits for Redis. Healed, it counts again.

What the loss adds is held against a fourth server, which never asks a Redis, in the same moments: one round is so short that
a single pause of the machine or of this script is its p99, and falls on all four alike. The median of the rounds counts.
"""

import asyncio
import random
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

from tests.long.asking import Connection, get, milliseconds, percentile
from tests.long.report import Report
from tests.long.servers import APP, ENVIRONMENT, Server
from tests.long.sizes import amount
from tests.system.limits.redis_server import Network, RedisServer, network

ROUNDS: Final = amount("SOAK_ROUNDS", 5)
CLIENTS: Final = 4
"""Connections to each server."""
PAUSES: Final = (0.01, 0.03)
"""Seconds between a client's answer and its next request: room to be measured, and no two in step for long."""
BASE_SECONDS: Final = 1.0
LOST_SECONDS: Final = 2.4
"""Long enough for a probe to begin and to fail, whether it is sent at once or a second later."""
NOTICED_SECONDS: Final = 0.3
"""The call that meets the loss may take a tenth of a second; with room for a busy machine."""
HEALED_SECONDS: Final = 2.0
MOST_ADDED: Final = 0.005
MOST_WAITED: Final = 0.15
LAG: Final = 0.3
MODES: Final = ("open", "local", "closed")
BESIDE: Final = "beside"
"""The server that never asks a Redis."""
ASK: Final = get("/demo/rtc/demo-1/publisher/uid/7/")


class Seen(NamedTuple):
    """When it was asked for and there, in seconds of the loop."""

    begun: float
    ended: float
    status: int


class Round(NamedTuple):
    """What one server answered: before the loss, while Redis was lost, of that once it was noticed, and at the end."""

    base: list[Seen]
    lost: list[Seen]
    noticed: list[Seen]
    healed: list[Seen]


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
        asyncio.run(_measure(report, Path(directory)))


async def _measure(report: Report, directory: Path) -> None:
    with RedisServer() as redis:
        async with network(redis) as way, AsyncExitStack() as stack:
            interfaces: dict[str, int] = {}
            for name in (*MODES, BESIDE):
                config = directory / f"{name}.yaml"
                limiter = "" if name == BESIDE else f"redis: {{url: {{env: REDIS_URL}}, on_failure: {name}}}\n"
                config.write_text(f"{APP}\n    limits: {{app: 100000/s}}\n{limiter}")
                server = await Server.start(config, {**ENVIRONMENT, "REDIS_URL": way.url})
                stack.push_async_callback(server.stop)
                interfaces[name] = server.port
            for loss, (lose, heal) in losses(redis, way).items():
                rounds = [await _round(report, loss, interfaces, lose, heal) for _ in range(ROUNDS)]
                for mode in MODES:
                    _judge(report, f"{mode}, {loss}", mode, [one[mode] for one in rounds])
                    _waits(report, f"{mode}, {loss}", [(one[mode], one[BESIDE]) for one in rounds])


async def _round(
    report: Report, loss: str, interfaces: dict[str, int], lose: Callable[[], None], heal: Callable[[], None]
) -> dict[str, Round]:
    loop = asyncio.get_running_loop()
    seen: dict[str, list[Seen]] = {name: [] for name in interfaces}
    clients = [
        asyncio.create_task(_client(interfaces[name], seen[name])) for name in interfaces for _ in range(CLIENTS)
    ]
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
            report.bar(f"{loss}: a client's connection", repr(one), "no error", held=False)
    return {
        name: Round(
            [one for one in answers if one.ended < lost],
            [one for one in answers if lost <= one.ended < healing],
            [one for one in answers if lost + NOTICED_SECONDS <= one.begun and one.ended < healing],
            [one for one in answers if one.begun >= ended - 0.5],
        )
        for name, answers in seen.items()
    }


def _judge(report: Report, name: str, mode: str, rounds: list[Round]) -> None:
    """What was answered, in all rounds."""
    if mode == "closed":
        found = Counter(one.status for round_ in rounds for one in round_.noticed)
        report.bar(f"{name}: answers", dict(found), "only 503, once it was noticed", set(found) == {503})
    else:
        found = Counter(one.status for round_ in rounds for one in round_.lost)
        report.bar(f"{name}: answers", dict(found), "only 200", set(found) == {200})
    healed = Counter(one.status for round_ in rounds for one in round_.healed)
    report.bar(f"{name}: healed", dict(healed), "only 200", set(healed) == {200})


def _waits(report: Report, name: str, rounds: list[tuple[Round, Round]]) -> None:
    """How long it took, beside the server that has no Redis to lose."""
    base = statistics.median(_slowest(one.base, 0.99) for one, _ in rounds)
    added = [_slowest(one.noticed, 0.99) - _slowest(other.noticed, 0.99) for one, other in rounds]
    beside = statistics.median(_slowest(one.noticed, 0.99) for _, one in rounds)
    told = f"{_medians(added)}, to {milliseconds(beside)}; with Redis, just before: {milliseconds(base)}"
    report.bar(f"{name}: added p99", told, "at most 5 ms", statistics.median(added) <= MOST_ADDED)
    waited = [_slowest(one.lost, 1.0) for one, _ in rounds]
    bar = f"at most {milliseconds(MOST_WAITED)}"
    report.bar(f"{name}: slowest answer", _medians(waited), bar, statistics.median(waited) <= MOST_WAITED)


def _slowest(seen: list[Seen], part: float) -> float:
    return percentile([one.ended - one.begun for one in seen], part)


def _medians(seconds: list[float]) -> str:
    return f"{milliseconds(statistics.median(seconds))} ({', '.join(f'{one * 1000:.1f}' for one in seconds)})"


async def _client(port: int, seen: list[Seen]) -> None:
    loop = asyncio.get_running_loop()
    connection = await Connection.open(port)
    try:
        while True:
            begun = loop.time()
            reply = await connection.token_request(ASK)
            seen.append(Seen(begun, loop.time(), reply.status))
            await asyncio.sleep(random.uniform(*PAUSES))
    finally:
        connection.close()
