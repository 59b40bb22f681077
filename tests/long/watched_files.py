"""P7: `server.watch` leaves no changed file old. 40 files of an `include`, replaced by rename over two seconds, twenty times.

Each round gives each file's app a new API key. Once the round is over, every new key must count, and no older one.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from tests.long.disturbance import failures
from tests.long.report import Report
from tests.long.servers import APP, Server
from tests.long.sizes import amount
from tests.running import APP_ID
from tests.system.workers.load import Load, waits
from tokend.auth.key_digests import digest_of

ROUNDS: Final = 20
CHANGED: Final = 40
APPS: Final = 200
"""Files in all. Reading them takes a part of the two seconds, so that files change while a reload runs."""
SECONDS: Final = 2.0
"""Of each round's changes."""
MOST: Final = 30.0
"""Seconds after a round until an old file counts as left."""
SERVED: Final = "/demo/rtc/demo-room/publisher/uid/{uid}/"


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_run(report, Path(directory)))


async def _run(report: Report, directory: Path) -> None:
    rounds = amount("WATCHED_ROUNDS", ROUNDS)
    (directory / "apps.d").mkdir()
    for number in range(APPS):
        _write(directory, number, 0)
    config = directory / "config.yaml"
    config.write_text(f"server: {{watch: true}}\ninclude: apps.d/*.yaml\n{APP}")
    server = await Server.start(config)
    url = f"http://127.0.0.1:{server.port}"
    old, still_valid, took = 0, 0, []
    try:
        async with Load(url + SERVED, 2, pause=0.03) as load, ClientSession(url) as session:
            if await _status(session, 0, 0) != 200:
                raise SystemExit("the files are not served")
            for version in range(1, rounds + 1):
                await _change(directory, version)
                seconds, left = await _until_all_count(session, version)
                took.append(seconds)
                old += len(left)
                still_valid += sum([await _status(session, number, version - 1) != 401 for number in range(CHANGED)])
    finally:
        await server.stop()
    failures(report, "failed requests of another app", load)
    report.figure("renames", f"{rounds * CHANGED:,} in {rounds} rounds, to {CHANGED} of {APPS} files")
    report.bar("files left old", old, "none", old == 0)
    report.bar("keys that were taken away and still count", still_valid, "none", still_valid == 0)
    report.figure("until the last file counted", f"{max(took):.1f} s after the last rename")


def _key(number: int, version: int) -> str:
    return f"tk_file_{number:04}_{version:04}_0123456789abcdef"


def _write(directory: Path, number: int, version: int) -> None:
    """Replace the file of an app by rename, as deployments do."""
    beside = directory / f"app-{number}"
    beside.write_text(
        f"""
app_id: "{APP_ID}"
certificate: {{env: CERTIFICATE}}
callers: {{studio: {{api_key: "{digest_of(_key(number, version))}"}}}}
"""
    )
    beside.rename(directory / "apps.d" / f"app-{number}.yaml")


async def _change(directory: Path, version: int) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(CHANGED):
        await asyncio.sleep(begun + number * SECONDS / CHANGED - loop.time())
        _write(directory, number, version)


async def _until_all_count(session: ClientSession, version: int) -> tuple[float, list[int]]:
    """Seconds until the new key of each file counts; the files of those that do not within MOST seconds."""
    loop = asyncio.get_running_loop()
    begun, left = loop.time(), list(range(CHANGED))
    for pause in waits(MOST):
        left = [number for number in left if await _status(session, number, version) != 200]
        if not left:
            break
        await asyncio.sleep(pause)
    return loop.time() - begun, left


async def _status(session: ClientSession, number: int, version: int) -> int:
    headers = {"X-API-Key": _key(number, version)}
    token_request = {"kind": "rtc", "channel": "room", "uid": 7}
    async with session.post(f"/app-{number}/v1/token", json=token_request, headers=headers) as answer:
        return answer.status
