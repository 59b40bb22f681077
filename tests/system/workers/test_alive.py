"""What the watchdog is told of several workers: alive is who was heard from lately."""

import asyncio
import io
import time
from pathlib import Path

from tests.system.workers.serving import Running
from tokend.config.loading import Files, Source
from tokend.issuing.configuration import Listen
from tokend.process.control import Start
from tokend.process.multi_process import HUNG_SECONDS, Supervisor
from tokend.process.sockets import bind
from tokend.telemetry.log import JsonLog


async def test_workers_that_are_not_heard_from_are_not_alive(tmp_path: Path) -> None:
    Running(tmp_path, 2)  # writes a configuration
    source, files = Source(None, {}, tmp_path), Files()
    setup = source.load(files)
    listener = bind(Listen("127.0.0.1", 0))
    listener.listen()
    supervisor = Supervisor(
        Start(source, setup, files, Listen("127.0.0.1", 0), 2), JsonLog(io.BytesIO(), time.time), listener
    )
    await supervisor.start()
    now = asyncio.get_running_loop().time()
    assert supervisor.alive(now)
    assert not supervisor.alive(now + HUNG_SECONDS + 1)
    await supervisor.stop(0)
    assert supervisor.alive(now + HUNG_SECONDS + 1)  # it is stopping: no reason to end it sooner
