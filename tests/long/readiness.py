"""P24: readiness tells the truth, and liveness depends on nothing outside.

Not on the audit, nor on an identity provider, nor on Redis.
"""

import asyncio
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiohttp import ClientError, ClientSession

from tests.free_ports import free_port
from tests.long.disturbance import GOOD, disturbed, milliseconds
from tests.long.report import Report
from tests.running import APP_ID
from tests.system.limits.redis_server import RedisServer
from tests.system.workers.load import waits
from tests.system.workers.serving import Running

TIMES: Final = 5
DRAIN: Final = 3
NOT_READY_SECONDS: Final = 1.0
_DEPENDENT: Final = """
audit: {{to: {{file: {audit}}}}}
apps:
  demo:
    app_id: "{app_id}"
    certificate: {{file: certificate}}
    callers:
      any: {{anonymous: true, rules: [{{channel: "demo-*"}}]}}
      web: {{jwt: {{issuer: "http://127.0.0.1:{nobody}", audience: tokend}}, rules: [{{user: "{{claims.sub}}"}}]}}
"""
_LIMITED: Final = """
redis: {{url: {{env: REDIS_URL}}, on_failure: closed}}
apps:
  demo:
    app_id: "{app_id}"
    certificate: {{file: certificate}}
    limits: {{app: 100000/s}}
    callers: {{any: {{anonymous: true, rules: [{{channel: "demo-*"}}]}}}}
"""


def run(report: Report) -> None:
    for workers in (1, 2):
        asyncio.run(_stopping(report, workers))
        asyncio.run(_nothing_outside(report, workers))
        asyncio.run(_without_redis(report, workers))


async def _stopping(report: Report, workers: int) -> None:
    slowest, served, failed = 0.0, 0, 0
    for _ in range(TIMES):
        async with disturbed(workers, f", drain: {DRAIN}s") as server:
            asked = asyncio.create_task(_asked_anew(server))
            server.process.send_signal(signal.SIGTERM)
            for address in (server.url, server.admin):
                slowest = max(slowest, await _until_status(f"{address}/readyz", 503))
            await asyncio.sleep(DRAIN / 2)
            asked.cancel()
            statuses = await asked
            served += statuses.count(200)
            failed += len(statuses) - statuses.count(200)
            if (code := await server.stop()) != 0:
                raise SystemExit(f"it stopped with {code}")
    name = f"{workers} worker{'s' if workers > 1 else ''}"
    report.bar(f"not ready after SIGTERM, {name}", milliseconds(slowest), "within 1 s", slowest <= NOT_READY_SECONDS)
    told = f"{failed} of {served + failed:,} not served"
    report.bar(f"requests on new connections while stopping, {name}", told, "none", failed == 0 and served > 0)


async def _asked_anew(server: Running) -> list[int]:
    """The status of each request until it is cancelled, each on a connection of its own; 0: no answer."""
    statuses: list[int] = []
    with suppress(asyncio.CancelledError):
        while True:
            statuses.append(await _status(server.url + GOOD.replace("{uid}", "7")))
            await asyncio.sleep(0.01)
    return statuses


async def _until_status(url: str, wanted: int) -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for pause in waits(10, 0.02):
        if await _status(url) == wanted:
            return loop.time() - begun
        await asyncio.sleep(pause)
    return loop.time() - begun


async def _status(url: str) -> int:
    try:
        async with ClientSession() as session, session.get(url) as answer:
            return answer.status
    except (ClientError, OSError):
        return 0


async def _nothing_outside(report: Report, workers: int) -> None:
    """An audit on a full disk, and an identity provider that nobody runs."""
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder, "audit")
        full.symlink_to("/dev/full")
        async with disturbed(workers) as server:
            text = _DEPENDENT.format(audit=full, app_id=APP_ID, nobody=free_port())
            (server.directory / "config.yaml").write_text(text)
            status, answer = await server.reload()
            if status != 200:
                raise SystemExit(f"it cannot load this: {answer}")
            refused = await _status(server.url + GOOD.replace("{uid}", "7"))
            ready = await _until_status(f"{server.url}/readyz", 503)
            alive = await _alive(server)
    name = f"{workers} worker{'s' if workers > 1 else ''}"
    report.bar(f"a token while the audit's disk is full, {name}", refused, "503", refused == 503)
    report.bar(f"not ready then, {name}", milliseconds(ready), "within 2 s", ready <= 2.0)
    report.bar(f"/healthz then, {name}", sorted(set(alive)), "200 each time", set(alive) == {200})


async def _without_redis(report: Report, workers: int) -> None:
    """Redis is killed, and comes back. `closed`: while it is gone, its end is seen in every token that is asked for."""
    with RedisServer() as redis:
        async with disturbed(workers, extra={"REDIS_URL": redis.url}) as server:
            (server.directory / "config.yaml").write_text(_LIMITED.format(app_id=APP_ID))
            status, answer = await server.reload()
            if status != 200:
                raise SystemExit(f"it cannot load this: {answer}")
            url = server.url + GOOD.replace("{uid}", "7")
            served = await _status(url)
            redis.kill()
            refused, alive = await _until_status(url, 503), await _alive(server)
            redis.start()
            healed = await _until_status(url, 200)
    name = f"{workers} worker{'s' if workers > 1 else ''}"
    report.bar(f"a token while there is Redis, {name}", served, "200", served == 200)
    report.bar(f"refused once it is killed, {name}", milliseconds(refused), "within 2 s", refused <= 2.0)
    report.bar(f"/healthz then, {name}", sorted(set(alive)), "200 each time", set(alive) == {200})
    report.bar(f"a token once it is back, {name}", milliseconds(healed), "within 5 s", healed <= 5.0)


async def _alive(server: Running) -> list[int]:
    """The statuses of twenty looks at each /healthz, the operator's too."""
    return [await _status(f"{one}/healthz") for one in (server.url, server.admin) for _ in range(20)]
