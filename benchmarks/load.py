"""Drives a server with wrk and brings back what it answered. A failure of any request fails the run."""

import json
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.samples import PERCENTILES

CONNECTIONS: Final = 64
_SCRIPT: Final = Path(__file__).with_name("answers.lua")
_DESCRIPTORS: Final = 64
"""Those that wrk needs beside its connections."""


class Failed(Exception):
    """A figure that would be worth nothing, with the reason."""


class NoAnswer(Failed):
    """The server was too slow, or dead."""


class Load(NamedTuple):
    """One run: `answers` of status 200, all there were, in `seconds`; `bodies`: every 509th, at most 40.

    `latency_ms`: at each of PERCENTILES. `busy`: the part of its core that wrk used; near 1 it was wrk that was measured.
    """

    answers: int
    seconds: float
    latency_ms: tuple[float, ...]
    bodies: tuple[bytes, ...]
    busy: float


def missing() -> str | None:
    """Why nothing can be measured here, and what to do about it."""
    return None if shutil.which("wrk") else "wrk is not on the PATH (on Debian: apt-get install wrk)"


def too_many(connections: int) -> str | None:
    """Why so many connections cannot be opened here, and what to do about it."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed == resource.RLIM_INFINITY or allowed >= connections + _DESCRIPTORS:
        return None
    return f"{connections:,} connections need as many descriptors, and {allowed:,} are allowed (ulimit -n)"


def drive(port: int, requests: Sequence[bytes], seconds: int, connections: int = CONNECTIONS, pause: int = 0) -> Load:
    """Send the requests in turn for so many seconds, one thread of wrk on this process' own cores.

    `pause`: milliseconds that each connection waits before a request. 0: as fast as the answers come.
    """
    _allow_descriptors(connections)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        listed = ",\n".join(json.dumps(request.decode("ascii")) for request in requests)
        script.write(f"percentiles = {{ {', '.join(map(str, PERCENTILES))} }}\npause = {pause}\n")
        script.write(f"requests = {{\n{listed}\n}}\n{_SCRIPT.read_text()}")
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script.name]
        before = _children_cpu()
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/"],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
        used = _children_cpu() - before
    if done.returncode != 0:
        raise Failed(f"wrk ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return read(done.stdout, used)


def read(printed: str, cpu_seconds: float) -> Load:
    """What wrk printed; `Failed` if any request failed, or none was answered."""
    lines = [line.split(" ", 2)[1:] for line in printed.splitlines() if line.startswith("figure ")]
    found = {line[0]: line[1] if len(line) == 2 else "" for line in lines}
    failures = {
        name: found[name] for name in found if name.startswith(("error_", "not_200")) and float(found[name]) != 0
    }
    if failures:
        raise Failed(", ".join(f"{name}: {count}" for name, count in failures.items()))
    answers, seconds = int(found["good"]), int(found["microseconds"]) / 1e6
    if not answers:
        raise NoAnswer("no request was answered")
    return Load(
        answers,
        seconds,
        tuple(float(line[1]) / 1000 for line in lines if line[0] == "latency_us"),
        tuple(bytes.fromhex(body) for body in found["bodies"].split(",") if body),
        cpu_seconds / seconds,
    )


def _allow_descriptors(connections: int) -> None:
    """wrk inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < connections + _DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
