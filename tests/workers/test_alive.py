"""What the watchdog is told of several workers: alive is who was heard from lately."""

import asyncio
import io
import time
from pathlib import Path

from tests.workers.serving import Running
from tokend.config import Files, Source
from tokend.server.fleet import Start
from tokend.server.listening import bind
from tokend.server.log import JsonLog
from tokend.server.supervisor import HUNG_SECONDS, Supervisor
from tokend.setup import Listen


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
