"""P19: limits are shared through a Redis Cluster, and through Sentinels with a failover.

The cluster has three masters; three Sentinels watch a master and its replica. With each, two servers admit together what a
limit allows. Then the master is killed under a steady load: `open` and `local` answer without a 5xx, `closed` answers 503
until the replica counts. After that the limits are as exact as before.
"""

import asyncio
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tests.long.asking import Connection, get
from tests.long.report import Report
from tests.long.servers import APP, ENVIRONMENT, Server
from tests.long.shared_limits import judge, start
from tests.system.limits.redis_groups import DOWN_AFTER, Sentinels, cluster, cluster_url, sentinels, wait_until

HOSTS: Final = 2
MODES: Final = ("open", "local", "closed")
LOST_SECONDS: Final = 8.0
"""From the kill on: the Sentinels notice, agree and promote; the servers notice within a second more."""
CALM_SECONDS: Final = 3.0
"""Before the kill. The first call of a server finds the master and connects, which may take more than its tenth of a second."""
BEFORE_SECONDS: Final = 1.0
PAUSE: Final = 0.02
REQUEST: Final = get("/demo/rtc/demo-1/publisher/uid/7/")
UNLIMITED: Final = f"""{APP}
    limits: {{app: 100000/s}}
redis: {{url: {{env: REDIS_URL}}, on_failure: MODE}}
"""


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        with cluster(3) as nodes:
            asyncio.run(_exact(report, "Cluster", Path(directory), cluster_url(nodes)))
        with sentinels() as group:
            asyncio.run(_exact(report, "Sentinels", Path(directory), group.url))
            asyncio.run(_failover(report, Path(directory), group))
            asyncio.run(_exact(report, "Sentinels, after the failover", Path(directory), group.url))


async def _exact(report: Report, name: str, directory: Path, url: str) -> None:
    async with AsyncExitStack() as stack:
        addresses = []
        for _ in range(HOSTS):
            server = await start(directory, 1, url, "127.0.0.1", ())
            stack.push_async_callback(server.stop)
            addresses.append(f"127.0.0.1:{server.port}")
        await judge(report, name, [*addresses, addresses[0]], ())


async def _failover(report: Report, directory: Path, group: Sentinels) -> None:
    async with AsyncExitStack() as stack:
        answers: dict[str, list[tuple[float, int]]] = {}
        clients = []
        for mode in MODES:
            file = directory / f"{mode}.yaml"
            file.write_text(UNLIMITED.replace("MODE", mode))
            server = await Server.start(file, {**ENVIRONMENT, "REDIS_URL": group.url})
            stack.push_async_callback(server.stop)
            answers[mode] = []
            clients.append(asyncio.create_task(_client(server.port, answers[mode])))
        await asyncio.sleep(CALM_SECONDS)
        killed = asyncio.get_running_loop().time()
        group.master.kill()
        await asyncio.to_thread(wait_until, lambda: group.master_port() == group.replica.port)
        promoted = asyncio.get_running_loop().time() - killed
        report.figure("the Sentinels name the replica after", f"{promoted:.1f} s, with {DOWN_AFTER} ms to notice")
        await asyncio.sleep(max(0.0, LOST_SECONDS - promoted))
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    for mode, seen in answers.items():
        _judge_mode(report, mode, [(at - killed, status) for at, status in seen])


def _judge_mode(report: Report, mode: str, seen: list[tuple[float, int]]) -> None:
    """`seen`: seconds after the kill, and the status."""
    before = [status for at, status in seen if -BEFORE_SECONDS < at < 0]
    after = [status for at, status in seen if at >= 0]
    failed = [at for at, status in seen if status == 503]
    counted = dict(Counter(after))
    report.bar(f"{mode}: before the failover", dict(Counter(before)), "only 200", set(before) == {200})
    if mode == "closed":
        span = f"{counted}, 503 until {max(failed, default=0.0):.1f} s after the kill"
        report.bar(f"{mode}: answers in the failover", span, "503, then 200", set(after) == {200, 503})
    else:
        report.bar(f"{mode}: answers in the failover", counted, "only 200", set(after) == {200})
    last = {status for at, status in seen if at > LOST_SECONDS - 1}
    report.bar(f"{mode}: answers at the end", last, "only 200", last == {200})


async def _client(port: int, seen: list[tuple[float, int]]) -> None:
    loop = asyncio.get_running_loop()
    connection = await Connection.open(port)
    try:
        while True:
            seen.append((loop.time(), (await connection.token_request(REQUEST)).status))
            await asyncio.sleep(PAUSE)
    finally:
        connection.close()
