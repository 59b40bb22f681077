"""A server that may open few files, with more idle connections than those. The whole proof: tests/long/descriptors.py."""

import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.system.workers.load import waits
from tests.system.workers.serving import serving

pytestmark = pytest.mark.serial


async def test_idle_connections_beyond_the_descriptors_fill_no_log_and_leave_room_for_a_request(tmp_path: Path) -> None:
    async with serving(tmp_path, 1, before=("prlimit", "--nofile=256:256")) as server:
        before = len(server.log)
        opened = await asyncio.gather(
            *(asyncio.open_connection("127.0.0.1", server.port) for _ in range(400)), return_exceptions=True
        )
        async with (
            ClientSession() as session,
            session.get(f"{server.url}/demo/rtc/demo-room/publisher/uid/7/") as response,
        ):
            assert response.status == 200
        for connection in opened:
            if not isinstance(connection, BaseException):
                connection[1].close()
        others = [line for line in server.log[before:] if line["event"] != "request"]
        assert len(others) <= 5, others[:3]


async def test_a_worker_that_ends_while_no_process_can_be_started_is_replaced_later(tmp_path: Path) -> None:
    """The parent gave up at the first error of the system, and served with one worker less from then on."""
    async with serving(tmp_path, 2) as server:
        killed, other = server.workers()
        soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (5, hard))
        os.kill(killed, signal.SIGKILL)
        for pause in waits():
            if any(event["result"] == "cannot start" for event in server.events("worker")):
                break
            await asyncio.sleep(pause)
        assert server.workers() == [other]
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        await server.ready()
        for pause in waits():
            if len(server.workers()) == 2:
                break
            await asyncio.sleep(pause)
        assert len(server.workers()) == 2
        (event, *_) = [event for event in server.events("worker") if event["result"] == "cannot start"]
        assert event["message"] == "a process cannot be started: Too many open files"


async def test_a_worker_that_is_replaced_has_the_settings_of_the_start(tmp_path: Path) -> None:
    """A reload with too many connections was accepted, to take effect at the next start. Then no worker could be replaced."""
    async with serving(tmp_path, 2) as server:
        text = (tmp_path / "config.yaml").read_text()
        (tmp_path / "config.yaml").write_text(text.replace("{workers: 2", "{workers: 2, connections: {max: 1000000}"))
        assert (await server.reload())[0] == 200
        os.kill(server.workers()[0], signal.SIGKILL)
        for pause in waits():
            if len(server.events("worker")) >= 4:
                break
            await asyncio.sleep(pause)
        assert [event["result"] for event in server.events("worker")][2:] == ["killed", "started"]
