"""P23: no answer belongs to another request. Unique asks at the same time, each token read and held against its own ask.

From two processes of clients; one connection in two sends several asks at once, before the first answer.
`PROOF_ASKS=40000` for fewer.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import msgspec.json

from tests.long.asking import Connection, Reply, get, post
from tests.long.report import Report
from tests.long.servers import APP, Server
from tests.long.sizes import amount
from tests.running import APP_ID, CERTIFICATE
from tokend.backends.agora import v007

ASKS: Final = 1_000_000
WORKERS: Final = 2
PROCESSES: Final = 2
CONNECTIONS: Final = 64
"""Of all processes together."""
AT_ONCE: Final = 4
"""Asks that one connection in two sends before it reads."""


class Wanted(NamedTuple):
    """An ask, the field of the answer with its token, and what the token's service must say, as on the wire."""

    raw: bytes
    field: str
    values: tuple[str, ...]
    expire: int


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "config.yaml")
        # a rule for a channel allows no login
        app = APP.replace('{channel: "demo-*"}', '{channel: "demo-*"}, {kinds: rtm, user: "user-*"}')
        config.write_text(f"server: {{workers: {WORKERS}}}\n{app}")
        found = asyncio.run(_measure(config))
    asked = sum(found.values())
    report.bar("unique asks that were answered", f"{asked:,}", "all", asked == amount("PROOF_ASKS", ASKS))
    report.bar("answers of another request", found["crossed"], "none", not found["crossed"])
    wrong = asked - found["its own"] - found["crossed"]
    report.bar("answers without a token", wrong, "none", wrong == 0)


async def _measure(config: Path) -> Counter[str]:
    server, loop = await Server.start(config), asyncio.get_running_loop()
    try:
        with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
            last = amount("PROOF_ASKS", ASKS)
            each = (loop.run_in_executor(pool, _process, server.port, one, last) for one in range(1, PROCESSES + 1))
            return sum(await asyncio.gather(*each), Counter[str]())
    finally:
        await server.stop()


def _process(port: int, first: int, last: int) -> Counter[str]:
    """Every PROCESSES-th ask from the first on, up to the last, on this process's share of the connections."""
    with asyncio.Runner() as runner:
        return runner.run(_clients(port, (_token_request(number) for number in range(first, last + 1, PROCESSES))))


async def _clients(port: int, token_requests: Iterator[Wanted]) -> Counter[str]:
    found: Counter[str] = Counter()
    await asyncio.gather(
        *(_client(port, token_requests, found, number % 2) for number in range(CONNECTIONS // PROCESSES))
    )
    return found


def _token_request(number: int) -> Wanted:
    """Channel, user and lifetime are this ask's own; three ways to ask, with two kinds of tokens."""
    ttl = 60 + number % 86_000
    if number % 3 == 0:
        raw = get(f"/demo/rtc/demo-{number}/publisher/uid/{number}/?expiry={ttl}")
        return Wanted(raw, "rtcToken", (f"demo-{number}", str(number)), ttl)
    if number % 3 == 1:
        body = msgspec.json.encode({"kind": "rtc", "channel": f"demo-{number}", "uid": number, "ttl": ttl})
        return Wanted(post("/demo/v1/token", body), "token", (f"demo-{number}", str(number)), ttl)
    body = msgspec.json.encode({"kind": "rtm", "user": f"user-{number}", "ttl": ttl})
    return Wanted(post("/demo/v1/token", body), "token", (f"user-{number}",), ttl)


async def _client(port: int, token_requests: Iterator[Wanted], found: Counter[str], many: int) -> None:
    connection = await Connection.open(port)
    try:
        while together := list(islice(token_requests, AT_ONCE if many else 1)):
            connection.writer.write(b"".join(one.raw for one in together))
            for one in together:
                found[_verdict(one, await connection.read())] += 1
    finally:
        connection.close()


def _verdict(wanted: Wanted, reply: Reply) -> str:
    if reply.status != 200:
        return str(reply.status)
    decoded = v007.decode(msgspec.json.decode(reply.body)[wanted.field])
    content = decoded.content
    told = (content.app_id, content.expire, [one.values for one in content.services])
    its_own = told == (APP_ID, wanted.expire, [wanted.values]) and v007.verifies(decoded, CERTIFICATE)
    return "its own" if its_own else "crossed"
