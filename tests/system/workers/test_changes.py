"""Workers build what a reload changes, and everything only if they serve something other than what was changed."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.long.invalid_apps import _status
from tests.running import APP_ID
from tests.system.workers.serving import Running, serving
from tokend.config.isolation import Isolated
from tokend.config.loading import Files, Source
from tokend.core.listening import Listen
from tokend.process.control import LaunchOptions
from tokend.process.multi_process import MultiProcessServer
from tokend.process.sockets import bind
from tokend.telemetry.log import JsonLog

pytestmark = pytest.mark.serial
RULES = '[{kinds: rtc, channel: "lobby-*"}]'
LOBBY = f"""
  lobby:
    app_id: "{APP_ID}"
    certificate: {{file: certificate}}
    callers: {{any: {{anonymous: true, rules: {RULES}}}}}
"""


async def test_a_reload_adds_changes_and_removes_apps_in_all_workers(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        for channel, more, statuses in (
            ("demo-*", LOBBY, (200, 403)),
            ("test-*", LOBBY, (403, 403)),
            ("demo-*", "", (200, 404)),
        ):
            server.write(channel, more)
            assert (await server.reload())[1]["result"] == "done"
            for path, status in zip(("/demo", "/lobby"), statuses, strict=True):
                assert {await _status(server, f"{path}/rtc/demo-1/publisher/uid/7/") for _ in range(12)} == {status}
        assert [event["result"] for event in server.events("worker")] == ["started", "started"]


async def test_a_worker_that_serves_something_else_loads_everything(tmp_path: Path) -> None:
    """It has started since with files that are older than what the parent compared the new ones with."""
    async with two_workers(tmp_path) as (server, running, log):
        running.write("demo-*", LOBBY)
        files = Files()
        not_theirs = server.reloader.source.load_isolated(files)
        running.write("test-*", LOBBY)
        files = Files()
        isolated = server.reloader.source.load_isolated(files, not_theirs.configuration)
        assert (set(isolated.added), set(isolated.changed)) == (set(), {"demo"})
        assert await server._install(isolated, files) == []
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
        assert [line["result"] for line in lines if line["event"] == "worker"] == [
            *["started"] * 2,
            *["loads everything"] * 2,
        ]
        async with ClientSession() as session:
            for app, channel, status in (("demo", "test-1", 200), ("demo", "demo-1", 403), ("lobby", "demo-1", 403)):
                async with session.get(f"{running.url}/{app}/rtc/{channel}/publisher/uid/7/") as answer:
                    assert answer.status == status


@asynccontextmanager
async def two_workers(directory: Path) -> AsyncIterator[tuple[MultiProcessServer, Running, io.BytesIO]]:
    """A parent in this process, with its log."""
    running, log = Running(directory, 2), io.BytesIO()
    source, files = Source(None, {}, directory), Files()
    listener = bind(Listen("127.0.0.1", running.port))
    listener.listen()
    isolated = Isolated(source.load(files))
    options = LaunchOptions(source, isolated, files, Listen("127.0.0.1", running.port), 2)
    server = MultiProcessServer(options, JsonLog(log, time.time), listener)
    await server.start()
    try:
        yield server, running, log
    finally:
        await asyncio.wait_for(server.stop(0), 30)
