"""Starts `python -m tokend serve` as its users do, for the tests that want a real process."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

APP_ID = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
CREDENTIALS = {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE}
DEMO = {"DEMO_APP_ID": APP_ID, "DEMO_APP_CERTIFICATE": CERTIFICATE}
ADMIN_KEY = "tk_admin_0123456789abcdef"
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
"""The headers of the operator, and in the configuration:"""
ADMIN_DIGEST = "sha256:" + hashlib.sha256(ADMIN_KEY.encode()).hexdigest()
ROOT = Path(__file__).parent.parent


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Only what a program needs to start, and `extra`."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    scripts = str(Path(sys.executable).parent)
    return {**kept, "PATH": f"{scripts}:{kept.get('PATH', '')}", **extra}


def tokend(directory: Path, environment: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One `tokend` command, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tokend", *arguments],
        cwd=directory,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


class Running:
    """A server that listens at `url`. `greeting`: what it printed; after `stop`, `log` holds its standard error."""

    def __init__(self, process: "subprocess.Popen[str]", greeting: list[str]) -> None:
        self.process = process
        self.greeting = greeting
        self.url = greeting[0].rpartition(" at ")[2].strip()
        self.log = ""

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, self.log = self.process.communicate(timeout=20)
        return self.process.returncode


@contextmanager
def serving(
    directory: Path, environment: Mapping[str, str], *arguments: str, lines: int = 2, any_port: bool = True
) -> Iterator[Running]:
    """A server in `directory`, on a free port, or where its configuration says. `lines`: how many it prints when it listens."""
    port = ("--port", "0") if any_port else ()
    process = subprocess.Popen(
        [sys.executable, "-m", "tokend", "serve", *port, *arguments],
        cwd=directory,
        env=clean_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    greeting = [process.stdout.readline() for _ in range(lines)]
    if not greeting[0].startswith("tokend"):
        raise AssertionError(f"the server did not start: {process.communicate(timeout=10)[1]}")
    running = Running(process, greeting)
    try:
        yield running
    finally:
        running.stop()
