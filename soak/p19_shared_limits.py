"""P19: limits are shared. Three hosts in network namespaces, then four workers of one server, each with one Redis.

Clients ask at several times the limit, each time for another user; what is admitted is held against burst + rate x t.
Then one user asks twice: the second is refused, and admitted after its `Retry-After`, not a second before.
They pause, since on a machine without idle processors a call to Redis takes longer than its tenth of a second, and
`closed` refuses with 503: nothing is admitted uncounted. How often that happened is told; the bar for it is P21's.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import orjson

from soak.asking import Connection, get
from soak.hosts_of_their_own import hosts, redis_in
from soak.report import Report
from soak.servers import APP, ENVIRONMENT, Server
from tests.limits.redis_server import RedisServer
from tests.running import clean_environment

RATE: Final = 100
BURST: Final = 200
SECONDS: Final = 12.0
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
_CLIENT: Final = "import sys; from soak.p19_shared_limits import client; client(sys.argv[1:])"


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_three_hosts(report, Path(directory)))
        asyncio.run(_four_workers(report, Path(directory)))


async def _three_hosts(report: Report, directory: Path) -> None:
    async with hosts(HOSTS) as made, redis_in(made) as url, AsyncExitStack() as stack:
        addresses = []
        for name in made.names:
            server = await _start(directory, 1, url, made.address(name), made.inside(name))
            stack.push_async_callback(server.stop)
            addresses.append(f"{made.address(name)}:{server.port}")
        await _judge(report, f"{HOSTS} hosts", addresses, made.inside(made.middle))


async def _four_workers(report: Report, directory: Path) -> None:
    with RedisServer() as redis:
        server = await _start(directory, WORKERS, redis.url, "127.0.0.1", ())
        try:
            await _judge(report, f"{WORKERS} workers", [f"127.0.0.1:{server.port}"] * HOSTS, ())
        finally:
            await server.stop()


async def _start(directory: Path, workers: int, url: str, address: str, inside: Sequence[str]) -> Server:
    config = directory / "config.yaml"
    config.write_text(LIMITED.replace("WORKERS", str(workers)))
    return await Server.start(config, {**ENVIRONMENT, "REDIS_URL": url, "TOKEND_HOST": address}, *inside)


async def _judge(report: Report, who: str, addresses: list[str], inside: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(*inside, sys.executable, "-c", _CLIENT, *addresses),
        env=clean_environment({}),
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await process.communicate())[0]
    if process.returncode != 0:
        raise SystemExit(f"{who}: the client failed")
    found = orjson.loads(printed)
    statuses, seconds = found["statuses"], found["seconds"]
    due, admitted = BURST + RATE * seconds, statuses.get("200", 0)
    share = admitted / due
    report.figure(f"{who}: answers by status in {seconds:.2f} s", statuses)
    told = f"{admitted:,}, {share:.2%} of the {due:,.0f} due"
    report.bar(f"{who}: admitted", told, f"within {NEAR:.0%}", abs(share - 1) <= NEAR)
    others = set(statuses) - {"200", "429", "503"}
    report.bar(f"{who}: other answers than 200, 429 and 503", len(others), "none", not others)
    waited = found["waited"]
    held = waited["statuses"] == [200, 429, 429, 200]
    told = f"{waited['statuses']} after {waited['retry_after']} s"
    report.bar(f"{who}: at once, at once, a second before Retry-After, after it", told, "200, 429, 429, 200", held)


def client(addresses: list[str]) -> None:
    """Run in a process of its own, which may be in another network; prints what it found as JSON."""
    sys.stdout.buffer.write(orjson.dumps(asyncio.run(_load(addresses))))


async def _load(addresses: list[str]) -> dict[str, object]:
    places = [(one.rpartition(":")[0], int(one.rpartition(":")[2])) for one in addresses]
    connections = [await Connection.open(port, host) for host, port in places for _ in range(CLIENTS)]
    loop, statuses, users = asyncio.get_running_loop(), Counter[str](), iter(range(1, 1 << 31))
    begun = loop.time()

    async def ask(connection: Connection) -> None:
        while loop.time() < begun + SECONDS:
            await asyncio.sleep(PAUSE)
            reply = await connection.ask(get(f"/demo/rtc/demo-1/publisher/uid/{next(users)}/"))
            statuses[str(reply.status)] += 1

    await asyncio.gather(*(ask(one) for one in connections))
    seconds = loop.time() - begun
    await asyncio.sleep(1.0)  # the app's own limit has room again
    waited = await _wait_as_told(connections[::CLIENTS])
    for one in connections:
        one.close()
    return {"statuses": statuses, "seconds": seconds, "waited": waited}


async def _wait_as_told(connections: list[Connection]) -> dict[str, object]:
    """Each time at another host."""
    raw = get("/demo/rtc/demo-1/publisher/uid/4000000000/")
    first, second = await connections[0].ask(raw), await connections[1].ask(raw)
    again = second.retry_after or 0
    await asyncio.sleep(max(0, again - 1))
    early = await connections[2].ask(raw)
    await asyncio.sleep(1.0)
    last = await connections[0].ask(raw)
    return {"statuses": [one.status for one in (first, second, early, last)], "retry_after": again}
