"""What the watchdog is told of several workers: alive is who was heard from lately."""

import asyncio
import io
import time
from pathlib import Path

import pytest

from tests.system.workers.serving import Running
from tokend.config.isolation import Isolated
from tokend.config.loading import Files, Source
from tokend.core.listening import Listen
from tokend.process.control import LaunchOptions
from tokend.process.multi_process import HUNG_SECONDS, MultiProcessServer
from tokend.process.sockets import bind
from tokend.telemetry.log import JsonLog

pytestmark = pytest.mark.serial


async def test_workers_that_are_not_heard_from_are_not_alive(tmp_path: Path) -> None:
    Running(tmp_path, 2)  # writes a configuration
    source, files = Source(None, {}, tmp_path), Files()
    configuration = source.load(files)
    listener = bind(Listen("127.0.0.1", 0))
    listener.listen()
    multi_process = MultiProcessServer(
        LaunchOptions(source, Isolated(configuration), files, Listen("127.0.0.1", 0), 2),
        JsonLog(io.BytesIO(), time.time),
        listener,
    )
    await multi_process.start()
    now = asyncio.get_running_loop().time()
    assert multi_process.alive(now)
    assert not multi_process.alive(now + HUNG_SECONDS + 1)
    await multi_process.stop(0)
    assert multi_process.alive(now + HUNG_SECONDS + 1)  # it is stopping: no reason to end it sooner
