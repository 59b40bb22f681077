"""A worker that hangs alone is replaced; a machine that was suspended, or a container that was paused, loses no worker."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.system.workers.load import waits
from tests.system.workers.serving import Running, serving
from tokend.process.multi_process import HUNG_SECONDS, REPORT_SECONDS

pytestmark = pytest.mark.serial


async def test_a_machine_that_was_suspended_replaces_no_worker(tmp_path: Path) -> None:
    """`docker pause`, a snapshot of a virtual machine: the parent, which saw no answer for so long, killed all its workers."""
    async with serving(tmp_path, 2) as server:
        workers = server.workers()
        for process in (server.process.pid, *workers):
            os.kill(process, signal.SIGSTOP)
        await asyncio.sleep(HUNG_SECONDS + 2 * REPORT_SECONDS)
        for process in (*workers, server.process.pid):
            os.kill(process, signal.SIGCONT)
        await asyncio.sleep(3 * REPORT_SECONDS)
        assert server.workers() == workers
        assert _hung(server) == []


async def test_a_worker_that_hangs_alone_is_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        hung, healthy = server.workers()
        os.kill(hung, signal.SIGSTOP)
        for pause in waits():
            if hung not in server.workers() and len(server.workers()) == 2:
                break
            await asyncio.sleep(pause)
        assert healthy in server.workers()
        assert _hung(server) == [hung]


def _hung(server: Running) -> list[int]:
    return [event["pid"] for event in server.events("worker") if event["result"] == "hung"]
