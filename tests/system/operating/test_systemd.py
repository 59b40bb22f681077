"""deploy/systemd by systemd's own checks, and what a real server tells a service manager's socket."""

import asyncio
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.needs import skip_or_fail
from tests.running import ROOT
from tests.system.workers.load import waits
from tests.system.workers.serving import serving
from tokend.cli import EXIT_CONFIG
from tokend.process.multi_process import HUNG_SECONDS, STOP_SECONDS

pytestmark = pytest.mark.serial

_UNITS: Final = ROOT / "deploy/systemd"
_MOST_EXPOSED: Final = 20
"""Tenths: what `systemd-analyze security` may say at most."""


def _setting(name: str) -> str:
    (found,) = re.findall(rf"^{name}=(.*)$", (_UNITS / "tokend.service").read_text(), re.M)
    return str(found)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that there is. Without systemd-analyze the test is skipped; where CI=true it fails."""
    if shutil.which("systemd-analyze") is None:
        unmet = "no systemd-analyze (on Debian: apt-get install systemd)"
        skip_or_fail(unmet)
    for unit in _UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/tokend/bin/tokend", "/bin/true"))
    return tmp_path


def _analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_units_are_sound(units: Path) -> None:
    done = _analyze("verify", str(units / "tokend.service"), str(units / "tokend.socket"))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_may_do_little(units: Path) -> None:
    done = _analyze("security", "--offline=true", f"--threshold={_MOST_EXPOSED}", str(units / "tokend.service"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_fits_how_the_server_stops_and_fails() -> None:
    assert _setting("KillMode") == "mixed"  # the parent tells its workers
    assert int(_setting("TimeoutStopSec")) > STOP_SECONDS + 10
    assert int(_setting("WatchdogSec")) > 2 * HUNG_SECONDS
    assert _setting("RestartPreventExitStatus") == str(EXIT_CONFIG)
    assert _setting("LimitCORE") == "0"


class _Manager:
    """A service manager's end of the socket."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "notify"
        self._end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._end.bind(str(self.path))
        self.patience(20)

    async def told(self) -> dict[str, str]:
        """The next message."""
        message = await asyncio.to_thread(self._end.recv, 4096)
        return dict(line.split("=", 1) for line in message.decode().splitlines())

    async def told_of(self, *names: str) -> list[dict[str, str]]:
        """What comes until each of these was told, in this order."""
        found: list[dict[str, str]] = []
        for name in names:
            while name not in (one := await self.told()):
                found.append(one)
            found.append(one)
        return [one for one in found if "WATCHDOG" not in one or "WATCHDOG" in names]

    def patience(self, seconds: float) -> None:
        """How long a message is waited for."""
        self._end.settimeout(seconds)

    def close(self) -> None:
        self._end.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[_Manager]:
    made = _Manager(tmp_path)
    yield made
    made.close()


def _environment(manager: _Manager, watchdog: float = 0.4) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": str(int(watchdog * 1e6))}


@pytest.mark.parametrize("workers", [1, 2])
async def test_ready_reloading_alive_and_stopping_are_told(workers: int, tmp_path: Path, manager: _Manager) -> None:
    async with serving(tmp_path, workers, extra=_environment(manager)) as server:
        (ready,) = await manager.told_of("READY")
        assert ready["READY"] == "1"
        assert ready["STATUS"].startswith("serving ")
        assert [one["WATCHDOG"] for one in await manager.told_of("WATCHDOG", "WATCHDOG", "WATCHDOG")] == ["1"] * 3
        server.write("demo-*m")
        server.process.send_signal(signal.SIGHUP)
        reloading, done = await manager.told_of("RELOADING", "READY")
        assert int(reloading["MONOTONIC_USEC"]) > 0
        assert done == {"READY": "1", "STATUS": "reloaded"}
        server.process.send_signal(signal.SIGTERM)
        (stopping,) = await manager.told_of("STOPPING")
        assert stopping == {"STOPPING": "1"}
        assert await server.stop() == 0


async def test_a_refused_reload_is_ready_again_and_says_so(tmp_path: Path, manager: _Manager) -> None:
    async with serving(tmp_path, 1, extra=_environment(manager)) as server:
        await manager.told_of("READY")
        server.write("demo-*", "zzz: 1")
        server.process.send_signal(signal.SIGHUP)
        _, done = await manager.told_of("RELOADING", "READY")
        assert done == {"READY": "1", "STATUS": "the reload was refused: see the log"}


async def test_a_reload_says_that_an_app_kept_its_old_version(tmp_path: Path, manager: _Manager) -> None:
    """It said only "reloaded", although the keys of such an app are the old ones."""
    async with serving(tmp_path, 1, extra=_environment(manager)) as server:
        await manager.told_of("READY")
        text = (tmp_path / "config.yaml").read_text()
        (tmp_path / "config.yaml").write_text(f"{text.rstrip()}\n  broken: {{app_id: 7}}\n")
        server.process.send_signal(signal.SIGHUP)
        _, done = await manager.told_of("RELOADING", "READY")
        assert done["STATUS"] == "reloaded; invalid apps: 1, see the log"


async def test_a_server_that_hangs_feeds_no_watchdog(tmp_path: Path, manager: _Manager) -> None:
    async with serving(tmp_path, 2, extra=_environment(manager)) as server:
        await manager.told_of("WATCHDOG")
        server.process.send_signal(signal.SIGSTOP)
        try:
            manager.patience(2)
            with pytest.raises(TimeoutError):
                for _ in waits():
                    await manager.told()
        finally:
            server.process.send_signal(signal.SIGCONT)
        manager.patience(20)
        assert await manager.told_of("WATCHDOG")


async def test_it_is_alive_while_it_stops(tmp_path: Path, manager: _Manager) -> None:
    """systemd would else end it within `server.drain`."""
    async with serving(tmp_path, 2, ", drain: 2s", extra=_environment(manager)) as server:
        server.process.send_signal(signal.SIGTERM)
        await manager.told_of("STOPPING")
        assert len(await manager.told_of("WATCHDOG", "WATCHDOG", "WATCHDOG")) == 3


async def test_a_service_manager_that_reads_nothing_holds_nothing_up(tmp_path: Path, manager: _Manager) -> None:
    """Its queue is full at some time: a blocking send stopped the whole server."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filling:
        filling.setblocking(False)
        with pytest.raises(BlockingIOError):
            for _ in range(100_000):
                filling.sendto(b"X=1", str(manager.path))
        async with serving(tmp_path, 1, extra=_environment(manager)) as server:
            assert await server.stop() == 0
