"""Starts a server on its cores, tells what it has used, and ends it again, by process id. Linux only (/proc)."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.load import Failed
from tests.free_ports import free_port

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
START_SECONDS: Final = 90.0
"""The longest that a server may take until it listens."""


class Command(NamedTuple):
    """A program and the environment that it gets beside PATH and HOME."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = {}


Prepare = Callable[[Path, int], Command]
"""Puts what the server needs into an empty directory, in which it is started then, and says how. The int: its port."""


class HttpResponse(NamedTuple):
    """Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Server:
    """One that listens. `started`: the seconds until it did; `directory`: where it was started."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, started: float, output: Path) -> None:
        self.port = port
        self._output = output
        self.directory = output.parent
        self.started = started
        self.process = process

    def token_request(self, request: bytes, port: int | None = None, timeout: float = 10) -> HttpResponse:
        """The answer to these bytes, on a connection of their own. `port`: another one of the server's. `timeout`: seconds.

        `Failed` if there is none.
        """
        try:
            with socket.create_connection(("127.0.0.1", port or self.port), timeout=timeout) as connection:
                connection.sendall(request)
                response = HTTPResponse(connection)
                response.begin()
                headers = {name.lower(): value for name, value in response.getheaders()}
                return HttpResponse(response.status, headers, response.read(int(headers.get("content-length", 0))))
        except (OSError, HTTPException) as error:
            raise Failed(f"no answer: {error!r}") from error

    def cpu_seconds(self) -> float:
        """User and system time of the process and its descendants until now."""
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in self._tree()) / _TICKS

    def page_faults(self) -> int:
        """Minor ones, until now: memory that was given back to the system and taken again shows here."""
        return sum(int(_stat(pid)[7]) for pid in self._tree())

    def memory(self) -> float:
        """Resident memory of them all, in MiB."""
        return sum(int(_stat(pid)[21]) for pid in self._tree()) * _PAGE / 2**20

    def peak_memory(self) -> float:
        """The most resident memory that they have had, in MiB: each at its own time."""
        return sum(map(_peak, self._tree())) / 1024

    def log_lines(self) -> int:
        """How many lines it has written."""
        with self._output.open("rb") as lines:
            return sum(1 for _ in lines)

    def _tree(self) -> list[int]:
        found = [self.process.pid]
        for pid in found:  # grows while it runs
            for listed in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, listed.read_text().split())
        return found


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """What is started in here stays on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(prepare: Prepare, cores: frozenset[int]) -> Iterator[Server]:
    """The server, listening on a free port of loopback, its output in a file. `Failed` if it does not get so far."""
    with tempfile.TemporaryDirectory(prefix="tokend-benchmarks-") as name:
        directory, port = Path(name), free_port()
        command = prepare(directory, port)
        log = directory / "output.log"
        begun = time.monotonic()
        with log.open("wb") as output, pinned(cores):
            process = subprocess.Popen(
                list(command.arguments),
                cwd=directory,
                env={**kept_environment(), **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Server(process, port, _listening(process, port, begun, log), log)
        finally:
            _stop(process)


def kept_environment() -> dict[str, str]:
    """What a program needs of ours to start."""
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}


def machine_cpu_seconds() -> float:
    """What all processes of the machine, and other machines on its cores, have used until now."""
    user, nice, system, _, _, irq, softirq, stolen, *_ = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    )
    return (user + nice + system + irq + softirq + stolen) / _TICKS


def _listening(process: "subprocess.Popen[bytes]", port: int, begun: float, output: Path) -> float:
    while time.monotonic() - begun < START_SECONDS:
        if process.poll() is not None:
            raise Failed(f"the server ended with {process.returncode}: {output.read_text()[-500:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return time.monotonic() - begun
        except OSError:
            time.sleep(0.005)
    raise Failed(f"the server does not listen after {START_SECONDS:.0f} s: {output.read_text()[-500:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _peak(pid: int) -> int:
    """KiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may hold blanks: the third one is at 0."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
