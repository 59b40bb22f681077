"""P26: start-up is fast, also with a thousand apps, and honest: what cannot work refuses to start, in a sentence."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.samples import Cores
from benchmarks.scenarios import apps_yaml, serve
from benchmarks.starts import Start, start
from tests.long.report import Report
from tests.running import CREDENTIALS, clean_environment

APPS: Final = 1_000
RUNS: Final = 7
LISTENING_SECONDS: Final = 1.5
DEPENDENCIES: Final = ("aiohttp", "joserfc", "msgspec", "prometheus_client", "pydantic", "yaml")
_SERVE: Final = (sys.executable, "-m", "tokend", "serve", "--port", "0")
_LIMIT: Final = f"""server: {{connections: {{max: 100000}}}}
apps:
  demo:
    app_id: "{CREDENTIALS["APP_ID"]}"
    certificate: {{env: APP_CERTIFICATE}}
    callers: {{any: {{anonymous: true, rules: [{{channel: "demo-*"}}]}}}}
"""


def run(report: Report) -> None:
    cores = frozenset(os.sched_getaffinity(0))
    entry = Start("start", "", serve(apps_yaml(APPS)))
    samples = [start(entry, Cores(cores, cores)) for _ in range(RUNS)]
    seconds = statistics.median(sample.started for sample in samples if sample.started is not None)
    told = f"{seconds:.2f} s, median of {RUNS}"
    report.bar(f"listening with {APPS:,} apps", told, "within 1.5 s", seconds <= LISTENING_SECONDS)
    for workers in ("1", "2"):
        _limit(report, workers)
        _parser(report, workers)
    for name in DEPENDENCIES:
        _dependency(report, name)


def _limit(report: Report, workers: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "config.yaml").write_text(_LIMIT)
        command = ("prlimit", "--nofile=1024:1024", *_SERVE, "--workers", workers)
        _refuses(
            report, f"more connections than descriptors, workers: {workers}", directory, command, "connections.max"
        )


def _parser(report: Report, workers: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        command = (*_SERVE, "--workers", workers)
        without = {"AIOHTTP_NO_EXTENSIONS": "1"}
        _refuses(report, f"no C parser, workers: {workers}", directory, command, "C parser", without)


def _dependency(report: Report, name: str) -> None:
    """Python is told at its start that there is no such module."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "sitecustomize.py").write_text(f"import sys\nsys.modules[{name!r}] = None\n")
        path = ":".join([directory, os.environ.get("PYTHONPATH", str(Path.cwd()))])
        _refuses(report, f"no {name}", directory, _SERVE, name, {"PYTHONPATH": path})


def _refuses(
    report: Report, what: str, directory: str, command: Sequence[str], word: str, more: Mapping[str, str] = {}
) -> None:
    """`word` stands in the one sentence that it says."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=clean_environment({"PYTHONPATH": str(Path.cwd()), **CREDENTIALS, **more}),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    said = done.stderr.strip().replace(str(Path.cwd()), "CHECKOUT")
    fine = done.returncode == 1 and word in said and len(said.splitlines()) == 1 and "Traceback" not in said
    report.bar(what, f"exit {done.returncode}: {said[-300:]}", "exit 1, one sentence", fine)
