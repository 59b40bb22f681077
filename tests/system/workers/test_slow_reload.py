"""Configurations that take seconds to build: a worker reports meanwhile, and signals to a server that starts are kept."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Collection
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.installing import backend_package
from tests.system.workers.load import waits
from tests.system.workers.serving import Running, serving, start
from tokend.process.multi_process import HUNG_SECONDS

pytestmark = pytest.mark.serial

_BACKEND = """
import os, time
from pydantic import field_validator
from tokend.backends.agora.rtc import Rtc
from tokend.core.validation import StrictModel

class Options(StrictModel):
    seconds: float = 0

    @field_validator("seconds")
    @classmethod
    def take(cls, seconds):
        with open("building", "a") as building:
            print(os.getpid(), file=building)
        is_parent = "worker_main" not in open("/proc/self/cmdline").read()
        if not (is_parent and os.path.exists("only-workers")):
            time.sleep(seconds)
        return seconds

class Slow(Rtc):
    Options = Options
"""


def _with_slow_kind(directory: Path) -> dict[str, str]:
    """Variables with which the package is installed."""
    package = backend_package(directory, "slow", _BACKEND)
    (directory / "building").touch()  # process ids, by the package. With a file "only-workers" the parent does not wait
    return {"PYTHONPATH": f"{Path.cwd()}:{package}"}


def _slow(seconds: float) -> str:
    return f"    backends: {{rtc: {{}}, rtm: {{}}, slow: {{seconds: {seconds}}}}}"


async def test_a_worker_that_takes_long_to_build_an_app_is_not_hung(tmp_path: Path) -> None:
    """10,000 changed apps took a worker over ten seconds on a slow machine. Each was killed, with its connections."""
    async with serving(tmp_path, 2, extra=_with_slow_kind(tmp_path)) as server:
        workers = server.workers()
        server.write("demo-*", _slow(HUNG_SECONDS + 1))
        reload = asyncio.create_task(server.reload())
        answered = 0
        async with ClientSession() as session:
            for pause in waits(4.5 * HUNG_SECONDS, 0.5):
                if reload.done():
                    break
                async with session.get(f"{server.url}/demo/rtc/demo-room/publisher/uid/1/") as answer:
                    answered += answer.status == 200
                await asyncio.sleep(pause)
        status, body = await reload
        assert (status, body["result"]) == (200, "done"), body
        assert server.workers() == workers
        assert [event["result"] for event in server.events("worker")] == ["started", "started"]
        assert answered > 2 * HUNG_SECONDS


async def test_a_signal_to_a_server_that_starts_is_kept(tmp_path: Path) -> None:
    """SIGHUP, SIGUSR1 and SIGUSR2 ended it while it read its configuration."""
    server = Running(tmp_path, 2)
    server.write("demo-*", _slow(2))
    await start(server, _with_slow_kind(tmp_path))
    try:
        for pause in waits():
            if _catches(server.process.pid, signal.SIGHUP):
                break
            await asyncio.sleep(pause)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            server.process.send_signal(number)
        await server.ready()
        for pause in waits():
            if server.events("reload"):
                break
            await asyncio.sleep(pause)
        assert [event["result"] for event in server.events("reload")] == ["unchanged"]
    finally:
        assert await server.stop() == 0


def _catches(process: int, number: signal.Signals) -> bool:
    (mask,) = [line.split()[1] for line in Path(f"/proc/{process}/status").read_text().splitlines() if "SigCgt" in line]
    return bool(int(mask, 16) >> (number - 1) & 1)


async def test_a_worker_that_ends_while_it_prepares_holds_nothing_up(tmp_path: Path) -> None:
    """The reload waited for its answer, and its replacement for the reload: for minutes there was a worker less, or none."""
    async with serving(tmp_path, 2, extra=_with_slow_kind(tmp_path)) as server:
        workers = server.workers()
        server.write("demo-*", _slow(3))
        reload = asyncio.create_task(server.reload())
        await _begins_to_build(tmp_path, workers)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        async with asyncio.timeout(20):
            await reload
            while len(set(server.workers()) - set(workers)) < 2:
                await asyncio.sleep(0.1)
            await server.ready()
        async with (
            ClientSession() as session,
            session.get(f"{server.url}/demo/rtc/demo-room/publisher/uid/1/") as answer,
        ):
            assert answer.status == 200


def _building(directory: Path) -> set[str]:
    """The processes that have begun to build an app."""
    return set((directory / "building").read_text().split())


async def _begins_to_build(directory: Path, processes: Collection[int]) -> None:
    for pause in waits():
        if _building(directory) & set(map(str, processes)):
            return
        await asyncio.sleep(pause)
    raise AssertionError("none of them builds an app")


@pytest.mark.parametrize("count", [1, 2])
async def test_a_server_ends_although_a_reload_hangs(tmp_path: Path, count: int) -> None:
    """One process waited for the thread, for ever if a package's backend hangs there. Several took 15 s."""
    async with serving(tmp_path, count, extra=_with_slow_kind(tmp_path)) as server:
        processes = server.workers() or [server.process.pid]
        if count > 1:
            (tmp_path / "only-workers").touch()
        server.write("demo-*", _slow(60))
        server.process.send_signal(signal.SIGHUP)
        await _begins_to_build(tmp_path, processes)
        async with asyncio.timeout(12):
            assert await server.stop() == 0


async def test_a_server_ends_although_its_workers_hang_while_they_start(tmp_path: Path) -> None:
    """It obeyed SIGTERM after two minutes, and a parent that was killed left its workers behind."""
    server = Running(tmp_path, 2)
    server.write("demo-*", _slow(60))
    environment = _with_slow_kind(tmp_path)
    (tmp_path / "only-workers").touch()
    await start(server, environment)
    for pause in waits():
        if len(workers := server.workers()) == 2 and {str(worker) for worker in workers} <= _building(tmp_path):
            break
        await asyncio.sleep(pause)
    async with asyncio.timeout(12):
        assert await server.stop() == 0
    assert not any(_runs(worker) for worker in workers)
    assert server.log[-1]["event"] == "stopped", server.log


async def test_workers_end_with_their_parent_also_while_one_prepares(tmp_path: Path) -> None:
    """It served on without a parent for as long as it prepared, and kept the port from the next server."""
    async with serving(tmp_path, 2, extra=_with_slow_kind(tmp_path)) as server:
        workers = server.workers()
        (tmp_path / "only-workers").touch()
        server.write("demo-*", _slow(60))
        server.process.send_signal(signal.SIGHUP)
        await _begins_to_build(tmp_path, workers)
        server.process.kill()
        await server.process.wait()
        for pause in waits():
            if not any(_runs(worker) for worker in workers):
                return
            await asyncio.sleep(pause)
        raise AssertionError("a worker was left behind")


def _runs(process: int) -> bool:
    """Whether a process has not ended; nobody may have collected its exit code yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_worker_that_is_killed_beside_a_replacement_is_replaced_once(tmp_path: Path) -> None:
    async with serving(tmp_path, 3, extra=_with_slow_kind(tmp_path)) as server:
        workers = server.workers()
        server.write("demo-*", _slow(0.5))
        assert (await server.reload())[0] == 200
        server.process.send_signal(signal.SIGUSR2)
        await asyncio.sleep(1)
        os.kill(workers[-1], signal.SIGKILL)
        for pause in waits():
            if server.events("workers"):
                break
            await asyncio.sleep(pause)
        await asyncio.sleep(2)
        assert len(server.workers()) == 3


async def test_a_worker_that_starts_is_not_left_behind_by_sigterm(tmp_path: Path) -> None:
    server = Running(tmp_path, 2)
    await start(server, _with_slow_kind(tmp_path))
    await server.ready()
    workers = server.workers()
    server.write("demo-*", _slow(2))
    assert (await server.reload())[0] == 200
    server.process.send_signal(signal.SIGUSR2)
    for pause in waits():
        if others := set(server.workers()) - set(workers):
            break
        await asyncio.sleep(pause)
    await _begins_to_build(tmp_path, others)
    assert await server.stop() == 0
    assert _processes_in(tmp_path) == []


def _processes_in(directory: Path) -> list[str]:
    """Processes whose working directory it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").resolve() == directory:
                found.append(process.name)
    return found
