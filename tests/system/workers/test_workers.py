"""Several workers under load: killed, hung, replaced, reloaded and stopped. Small versions of P7 to P9, P13, P24, P25.

The whole ones are in tests/long.
"""

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.system.workers.load import Load, waits
from tests.system.workers.serving import Running, serving, start

pytestmark = pytest.mark.serial

_GOOD = "/demo/rtc/demo-room/publisher/uid/{uid}/"


async def _until(holds: Callable[[], object], what: str) -> None:
    for pause in waits():
        if holds():
            return
        await asyncio.sleep(pause)
    raise AssertionError(f"never happened: {what}")


def _replaced(server: Running, killed: int) -> bool:
    return killed not in server.workers() and len(server.workers()) == 2


def _reloaded(server: Running, times: int) -> bool:
    return [one["result"] for one in server.events("reload")].count("done") == times


def _others(server: Running, known: set[int]) -> set[int]:
    return set(server.workers()) - known


def _told_of(server: Running, result: str, times: int) -> bool:
    return [one["result"] for one in server.events("worker")].count(result) >= times


async def test_a_killed_worker_costs_only_its_own_requests_in_flight_and_is_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        async with Load(server.url + _GOOD, 4, retry=True) as load:
            for _ in range(3):
                killed = min(server.workers())
                os.kill(killed, signal.SIGKILL)
                await _until(partial(_replaced, server, killed), "a replacement")
        assert load.failed == {}
        assert load.answered > 10
        restarts = (await server.metrics())['tokend_worker_restarts_total{reason="killed"}']
        assert restarts == 3


async def test_a_worker_that_is_killed_while_it_starts_is_counted_and_replaced_too(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        kept, killed = server.workers()
        os.kill(killed, signal.SIGKILL)
        for times in (2, 3):
            await _until(partial(_others, server, {kept, killed}), "another worker")
            (killed,) = _others(server, {kept, killed})
            os.kill(killed, signal.SIGKILL)
            await _until(partial(_told_of, server, "killed", times), "its end in the log")
        await _until(partial(_told_of, server, "started", 3), "a replacement")
        assert [one["pid"] for one in server.events("worker") if one["result"] == "killed"][-1] == killed
        assert (await server.metrics())['tokend_worker_restarts_total{reason="killed"}'] == 3


async def test_counters_never_fall_when_workers_are_killed(tmp_path: Path) -> None:
    name = 'tokend_requests_total{app="demo",status="200"}'
    async with serving(tmp_path, 2) as server, Load(server.url + _GOOD, 2, retry=True):
        seen = [0.0]
        for _ in range(3):
            await asyncio.sleep(0.2)
            seen.append((await server.metrics())[name])
            os.kill(min(server.workers()), signal.SIGKILL)
            await asyncio.sleep(0.1)
            seen.append((await server.metrics())[name])
        assert seen == sorted(seen)
        assert seen[1] > 0


async def test_a_reload_is_atomic_and_loses_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        async with Load(server.url + _GOOD, 4) as load, ClientSession() as session:
            for number in range(6):
                server.write(f"demo-*{'' if number % 2 else 'm'}")
                status, answer = await server.reload()
                assert (status, answer["result"], answer["problems"]) == (200, "done", [])
                other = 200 if number % 2 else 403  # every worker has the new rules once the answer is there
                for _ in range(10):
                    async with session.get(f"{server.url}/demo/rtc/demo-x/publisher/uid/7/") as one:
                        assert one.status == other
        assert load.failed == {}


async def test_a_bad_reload_changes_nothing_and_says_where(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        async with Load(server.url + _GOOD, 2) as load:
            fingerprint = (await server.reload())[1]["fingerprint"]
            server.write("demo-*", "    certficate: {env: CANARY}")
            status, answer = await server.reload()
            assert status == 409
            assert answer["fingerprint"] == fingerprint
            assert [one.partition(": ")[0] for one in answer["problems"]] == ["config.yaml:8:5"]
            assert "did you mean 'certificate'?" in answer["problems"][0]
            os.kill(min(server.workers()), signal.SIGKILL)  # its replacement gets what serves, not what is on the disk
            await _until(lambda: len(server.workers()) == 2, "two workers again")
            await asyncio.sleep(0.5)
        assert set(load.failed) <= {"ServerDisconnectedError", "ClientOSError"}
        refused = server.events("reload")[-1]
        assert (refused["result"], refused["fingerprint"]) == ("refused", fingerprint)


async def test_a_certificate_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        (tmp_path / "certificate").write_text("fedcba9876543210" * 2)
        os.kill(server.process.pid, signal.SIGHUP)
        await _until(lambda: any(one["result"] == "done" for one in server.events("reload")), "the reload")


async def test_watching_reloads_by_itself_and_through_a_replaced_symlink(tmp_path: Path) -> None:
    """As Kubernetes swaps a mounted ConfigMap: twice, since a watcher of the file itself misses the second."""
    async with serving(tmp_path, 1, ", watch: true") as server:
        for number in (1, 2):
            folder = tmp_path / f"data{number}"
            folder.mkdir()
            server.write(f"demo-*{number}")
            (tmp_path / "config.yaml").rename(folder / "config.yaml")
            (tmp_path / "link").symlink_to(folder / "config.yaml")
            (tmp_path / "link").rename(tmp_path / "config.yaml")
            await _until(partial(_reloaded, server, number), f"reload {number}")


async def test_a_rolling_replacement_of_the_workers_loses_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        async with (
            Load(server.url + _GOOD, 3) as kept,
            Load(server.url + _GOOD, 2, fresh=True) as fresh,
        ):
            before = set(server.workers())
            os.kill(server.process.pid, signal.SIGUSR2)
            await _until(lambda: not before & set(server.workers()), "all workers new")
        assert (kept.failed, fresh.failed) == ({}, {})


async def test_many_requests_to_replace_the_workers_are_two_replacements(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        for _ in range(30):
            server.process.send_signal(signal.SIGUSR2)
            await asyncio.sleep(0.01)
        log = tmp_path / "log"
        await _until(lambda: log.read_text().count('"result":"started"') == 6, "replaced twice")
        await asyncio.sleep(2)
        assert log.read_text().count('"result":"started"') == 6


async def test_not_ready_if_the_audit_of_one_worker_fails(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server, ClientSession() as session:
        server.write("demo-*", "audit: {to: {file: audit.jsonl}}")
        assert (await server.reload())[0] == 200
        resource.prlimit(server.workers()[0], resource.RLIMIT_FSIZE, (0, 0))
        for pause in waits(5.0):
            async with ClientSession() as fresh, fresh.get(server.url + _GOOD.replace("{uid}", "7")) as answer:
                if answer.status == 503:
                    break
            await asyncio.sleep(pause)
        for pause in waits(5.0):
            async with session.get(f"{server.admin}/readyz") as ready:
                if ready.status == 503:
                    assert "audit" in await ready.text()
                    return
            await asyncio.sleep(pause)
        raise AssertionError("ready while the audit of a worker cannot be written")


@pytest.mark.parametrize("workers", [1, 2])
async def test_not_ready_at_once_while_still_serving(workers: int, tmp_path: Path) -> None:
    async with serving(tmp_path, workers, ", drain: 2s") as server, ClientSession() as session:
        server.process.send_signal(signal.SIGTERM)
        for pause in waits(1.0):
            async with session.get(f"{server.url}/readyz") as ready:
                if ready.status == 503:
                    break
            await asyncio.sleep(pause)
        else:
            raise AssertionError("still ready a second after SIGTERM")
        async with session.get(server.url + _GOOD.replace("{uid}", "7")) as answer:
            assert (answer.status, answer.headers["Connection"]) == (200, "close")
        async with session.get(f"{server.url}/healthz") as alive:
            assert alive.status == 200
        assert await server.stop() == 0


async def test_sigterm_to_all_processes_waits_for_drain_too(tmp_path: Path) -> None:
    """Workers that a supervisor signalled themselves ended at once, with the requests that had come just then."""
    async with serving(tmp_path, 2, ", drain: 2s") as server, ClientSession() as session:
        for pid in (*server.workers(), server.process.pid):
            os.kill(pid, signal.SIGTERM)
        await asyncio.sleep(1)
        async with session.get(server.url + _GOOD.replace("{uid}", "7")) as answer:
            assert answer.status == 200
        assert await server.stop() == 0


async def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server:
        children = server.workers()
        server.process.kill()
        await server.process.wait()
        await _until(lambda: not any(Path(f"/proc/{one}").exists() for one in children), "the workers' end")


async def test_a_start_that_cannot_be_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    server = Running(tmp_path, 2)
    server.write("demo-*", "audit: {to: {file: missing/audit.jsonl}}")
    await start(server)
    assert await asyncio.wait_for(server.process.wait(), 20) == 1
    said = (tmp_path / "log").read_text()
    assert "the audit file cannot be opened: " in said
    assert "Traceback" not in said


async def test_a_handed_over_socket_loses_nothing_between_stop_and_start(tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    async with serving(tmp_path, 1, descriptor=listener.fileno()) as server:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with Load(url + _GOOD, 4) as load:
            for _ in range(2):
                await asyncio.sleep(0.3)
                assert await server.stop() == 0
                await start(server, descriptor=listener.fileno())
                await server.ready()
        assert load.failed == {}
        assert load.answered > 10
    listener.close()
