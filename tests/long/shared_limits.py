"""P19: limits are shared. Three hosts in network namespaces, then four workers of one server, each with one Redis.

Clients ask at several times the limit, each time for another user; what is admitted is held against burst + rate x t.
Then one user asks twice: the second is refused, and admitted after its `Retry-After`, not a second before.
They pause, so that the machine has processors left: Redis always answers then, and there is no 503 (`closed`).
At last they never pause: not more may be admitted then either, and what Redis had no processor for is told.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import msgspec.json

from tests.long.asking import Connection, get
from tests.long.network_hosts import hosts, redis_in
from tests.long.report import Report
from tests.long.servers import APP, ENVIRONMENT, Server
from tests.running import clean_environment
from tests.system.limits.redis_server import RedisServer

RATE: Final = 100
BURST: Final = 200
SECONDS: Final = 10.0
FULL_SECONDS: Final = 5.0
"""How long they never pause."""
CLIENTS: Final = 4
"""Connections to each host."""
PAUSE: Final = 0.025
HOSTS: Final = 3
WORKERS: Final = 4
NEAR: Final = 0.05
LIMITED: Final = f"""{APP}
    limits: {{app: {RATE}/s burst {BURST}, user: 12/m burst 1}}
redis: {{url: {{env: REDIS_URL}}, on_failure: closed}}
server: {{workers: WORKERS}}
"""
_CLIENT: Final = "import sys; from tests.long.shared_limits import client; client(*sys.argv[1:])"


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_three_hosts(report, Path(directory)))
        asyncio.run(_four_workers(report, Path(directory)))


async def _three_hosts(report: Report, directory: Path) -> None:
    async with hosts(HOSTS) as made, redis_in(made) as url, AsyncExitStack() as stack:
        addresses = []
        for name in made.names:
            server = await start(directory, 1, url, made.address(name), made.inside(name))
            stack.push_async_callback(server.stop)
            addresses.append(f"{made.address(name)}:{server.port}")
        await judge(report, f"{HOSTS} hosts", addresses, made.inside(made.middle))


async def _four_workers(report: Report, directory: Path) -> None:
    with RedisServer() as redis:
        server = await start(directory, WORKERS, redis.url, "127.0.0.1", ())
        try:
            await judge(report, f"{WORKERS} workers", [f"127.0.0.1:{server.port}"] * HOSTS, ())
        finally:
            await server.stop()


async def start(directory: Path, workers: int, url: str, address: str, inside: Sequence[str]) -> Server:
    """A server with the limits of `LIMITED` and this Redis. `inside`: what starts it in a network of its own."""
    config = directory / "config.yaml"
    config.write_text(LIMITED.replace("WORKERS", str(workers)))
    return await Server.start(config, {**ENVIRONMENT, "REDIS_URL": url, "TOKEND_HOST": address}, *inside)


async def judge(report: Report, who: str, addresses: list[str], inside: Sequence[str]) -> None:
    """Load the servers at these addresses, and report what they admitted. `who`: the name in the report."""
    process = await asyncio.create_subprocess_exec(
        *(*inside, sys.executable, "-c", _CLIENT, *addresses),
        env=clean_environment({}),
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await process.communicate())[0]
    if process.returncode != 0:
        raise SystemExit(f"{who}: the client failed")
    found = msgspec.json.decode(printed)
    statuses, share, told = _admitted(report, who, found["pausing"])
    report.bar(f"{who}: admitted", told, f"within {NEAR:.0%}", abs(share - 1) <= NEAR)
    others = sum(count for status, count in statuses.items() if status not in ("200", "429"))
    report.bar(f"{who}: other answers than 200 and 429", others, "none", not others)
    waited = found["waited"]
    held = waited["statuses"] == [200, 429, 429, 200]
    after = f"{waited['statuses']} after {waited['retry_after']} s"
    report.bar(f"{who}: at once, at once, a second before Retry-After, after it", after, "200, 429, 429, 200", held)
    _, share, told = _admitted(report, f"{who}, clients that never pause", found["full"])
    report.bar(f"{who}, clients that never pause: admitted", told, f"at most {1 + NEAR:.0%}", share <= 1 + NEAR)


def _admitted(report: Report, who: str, load: dict[str, Any]) -> tuple[dict[str, int], float, str]:
    """The answers by status, and what was admitted: as a share of what is due, and in words."""
    statuses, seconds = load["statuses"], load["seconds"]
    report.figure(f"{who}: answers by status in {seconds:.2f} s", statuses)
    due, admitted = BURST + RATE * seconds, statuses.get("200", 0)
    return statuses, admitted / due, f"{admitted:,}, {admitted / due:.2%} of the {due:,.0f} due"


def client(*addresses: str) -> None:
    """Run in a process of its own, which may be in another network; prints what it found as JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_ask_all(addresses))))


async def _ask_all(addresses: Sequence[str]) -> dict[str, object]:
    places = [(one.rpartition(":")[0], int(one.rpartition(":")[2])) for one in addresses]
    connections = [await Connection.open(port, host) for host, port in places for _ in range(CLIENTS)]
    users = iter(range(1, 1 << 31))
    pausing = await _load(connections, users, SECONDS, PAUSE)
    await asyncio.sleep(1.0)  # the app's own limit has room again
    waited = await _wait_as_told(connections[::CLIENTS])
    await asyncio.sleep(BURST / RATE)  # and has all of it
    full = await _load(connections, users, FULL_SECONDS, 0.0)
    for one in connections:
        one.close()
    return {"pausing": pausing, "waited": waited, "full": full}


async def _load(connections: list[Connection], users: Iterator[int], most: float, pause: float) -> dict[str, object]:
    """Answers by status in so many seconds, and how many there were in the end."""
    loop, statuses = asyncio.get_running_loop(), Counter[str]()
    begun = loop.time()

    async def token_request(connection: Connection) -> None:
        while loop.time() < begun + most:
            await asyncio.sleep(pause)
            reply = await connection.token_request(get(f"/demo/rtc/demo-1/publisher/uid/{next(users)}/"))
            statuses[str(reply.status)] += 1

    await asyncio.gather(*(token_request(one) for one in connections))
    return {"statuses": statuses, "seconds": loop.time() - begun}


async def _wait_as_told(connections: list[Connection]) -> dict[str, object]:
    """Each time at another host."""
    raw = get("/demo/rtc/demo-1/publisher/uid/4000000000/")
    first, second = await connections[0].token_request(raw), await connections[1].token_request(raw)
    again = second.retry_after or 0
    await asyncio.sleep(max(0, again - 1))
    early = await connections[2].token_request(raw)
    await asyncio.sleep(1.0)
    last = await connections[0].token_request(raw)
    return {"statuses": [one.status for one in (first, second, early, last)], "retry_after": again}
