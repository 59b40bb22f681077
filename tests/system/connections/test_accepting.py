"""New connections under load: libuv accepts one of each listening descriptor in a turn of the loop, and turns are long."""

import asyncio
import io
import socket
import time

import uvloop

from tests.unit.http.running import DEMO, configuration_of
from tokend.http.connection_limiter import Caps
from tokend.process.worker import ACCEPTS, Worker
from tokend.telemetry.log import JsonLog

TURNS = 4
"""Of the loop, at most, until all are accepted that came at once."""


def test_connections_that_come_at_once_do_not_wait_a_turn_each() -> None:
    async def accepted() -> float:
        listener = socket.create_server(("127.0.0.1", 0))
        worker = Worker(JsonLog(io.BytesIO(), time.time), Caps())
        await worker.start(configuration_of(DEMO), listener)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(ACCEPTS)]
        for _ in range(TURNS):
            await asyncio.sleep(0)
        (count,) = worker.snapshot().values["tokend_connections"].values()
        for client in clients:
            client.close()
        await worker.stop(0)
        return count

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(accepted()) == ACCEPTS
