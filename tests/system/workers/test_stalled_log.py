"""A log reader that stands still stops nothing. With 100,000 requests: tests/long/stalled_log.py."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.system.workers.load import Load, waits
from tests.system.workers.serving import serving

pytestmark = pytest.mark.serial

REQUESTS = 3_000
"""Each writes a line of some 250 bytes; a pipe holds 64 KiB."""


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_log_that_nobody_reads_stops_no_request_and_no_end(workers: int, tmp_path: Path) -> None:
    pipe = tmp_path / "stalled"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    before = ("sh", "-c", 'exec "$@" 2>stalled', "sh")
    async with serving(tmp_path, workers, before=before) as server:
        async with Load(f"{server.url}/demo/rtc/demo-room/publisher/uid/{{uid}}/", 8) as load:
            for _ in waits():
                if load.answered >= REQUESTS:
                    break
                await asyncio.sleep(0.05)
        assert load.answered >= REQUESTS
        assert load.failed == {}
        assert await server.stop() == 0
    os.close(reading)
