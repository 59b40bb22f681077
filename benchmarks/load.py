"""Drives a server with wrk and brings back what it answered. A failure of any request fails the run."""

import json
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

CONNECTIONS: Final = 64
_SCRIPT: Final = Path(__file__).with_name("answers.lua")


class Failed(Exception):
    """A figure that would be worth nothing, with the reason."""


class Load(NamedTuple):
    """One run: `answers` of status 200, all there were, in `seconds`; `bodies`: every 509th, at most 40.

    `busy`: the part of its core that wrk needed; near 1 it was wrk that was measured.
    """

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bodies: tuple[bytes, ...]
    busy: float


def missing() -> str | None:
    """Why nothing can be measured here, and what to do about it."""
    return None if shutil.which("wrk") else "wrk is not on the PATH (on Debian: apt-get install wrk)"


def drive(port: int, requests: Sequence[bytes], seconds: int, connections: int = CONNECTIONS) -> Load:
    """Send the requests in turn for so many seconds, one thread of wrk on this process' own cores."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        listed = ",\n".join(json.dumps(one.decode("ascii")) for one in requests)
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
        raise Failed("no request was answered")
    return Load(
        answers,
        seconds,
        float(found["p50_us"]) / 1000,
        float(found["p99_us"]) / 1000,
        tuple(bytes.fromhex(one) for one in found["bodies"].split(",") if one),
        cpu_seconds / seconds,
    )


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
