"""A rotation of the audit reaches every worker, also one that is starting."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.system.workers.load import waits
from tests.system.workers.serving import serving

pytestmark = pytest.mark.serial
_AUDIT = "audit: {to: {file: audit.jsonl}}\n"


async def test_a_worker_that_is_starting_opens_the_file_again_too(tmp_path: Path) -> None:
    """It wrote to the rotated file: lines were lost where that is compressed."""
    file, rotated = tmp_path / "audit.jsonl", tmp_path / "audit.1"
    async with serving(tmp_path, 2) as server:
        server.write("demo-*", more=_AUDIT)
        assert (await server.reload())[1]["result"] == "done"
        known = set(server.workers())
        os.kill(min(known), signal.SIGKILL)
        new = await _opened(server.workers, known, file)
        os.kill(new, signal.SIGSTOP)
        assert new not in {event["pid"] for event in server.events("worker")}
        file.rename(rotated)
        server.process.send_signal(signal.SIGUSR1)
        for pause in waits():
            if file.exists():  # the other worker has opened it again
                break
            await asyncio.sleep(pause)
        os.kill(new, signal.SIGCONT)
        for pause in waits():
            if _files(new) >= {str(file)}:
                break
            await asyncio.sleep(pause)
        assert str(rotated) not in _files(new)
        assert str(file) in _files(new)


async def _opened(workers: Callable[[], list[int]], known: set[int], file: Path) -> int:
    """The first other worker that has opened a file."""
    for _ in range(100_000):
        for pid in set(workers()) - known:
            if str(file) in _files(pid):
                return pid
        await asyncio.sleep(0)
    raise AssertionError("no worker opens the file")


def _files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):  # it has closed one meanwhile, or has ended
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            found.add(str(descriptor.readlink()))
    return found
