"""A server that may open few files, with more idle connections than those. The whole proof: tests/long/descriptors.py."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession

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
