"""Where a request's time goes, under load: `python -m benchmarks.profile [NAME] [--seconds S] [--plot FILE]`.

py-spy looks at the stack of the running server 200 times a second; a part's microseconds are its share of the samples
times the CPU that a request took. Nothing is switched off or slowed down in the server.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks import load, plot
from benchmarks.load import Failed
from benchmarks.parts import floor, shares, unknown_places
from benchmarks.scenarios import Scenario, all_scenarios
from benchmarks.servers import Server, running


def profile(scenario: Scenario, seconds: int) -> tuple[float, dict[str, float], dict[str, float]]:
    """CPU microseconds a request, those of each part, and those of libraries and the kernel."""
    with running(scenario.prepare, frozenset({0})) as server:
        load.drive(server.port, scenario.requests, 2, scenario.connections)
        before = server.cpu_seconds()
        answers = load.drive(server.port, scenario.requests, seconds, scenario.connections).answers
        each = (server.cpu_seconds() - before) / answers * 1e6
        raw = _sampled(server, scenario, seconds)
    return each, _times(each, shares(raw)), _times(each, floor(raw))


def _times(each: float, found: Mapping[str, float]) -> dict[str, float]:
    return {row: share * each for row, share in found.items()}


def _sampled(server: Server, scenario: Scenario, seconds: int) -> str:
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if spy is None:
        raise SystemExit("py-spy is missing: pip install -r requirements-dev.txt")
    with tempfile.NamedTemporaryFile("r", suffix=".txt") as written:
        command = [spy, "record", "--format", "raw", "--rate", "200", "--duration", str(seconds)]
        command += ["--pid", str(server.process.pid), "--output", written.name]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as recording:
            load.drive(server.port, scenario.requests, seconds + 2, scenario.connections)
            _, error = recording.communicate()
        raw = written.read()
    if recording.returncode != 0 or not raw:
        raise Failed(f"py-spy: {error.strip()}")
    return raw


def table(what: str, each: float, parts: Mapping[str, float]) -> str:
    """In Markdown."""
    rows = [f"| {what} | us | share |", "| --- | --- | --- |"]
    rows += [f"| {name} | {us:.0f} | {us / each * 100:.0f} % |" for name, us in parts.items() if us / each >= 0.002]
    return "\n".join([*rows, f"| all | {each:.0f} | |"])


def main() -> None:
    scenarios = {scenario.name: scenario for scenario in all_scenarios()}
    parser = argparse.ArgumentParser(prog="benchmarks.profile", description="Where a request's time goes.")
    parser.add_argument("name", nargs="?", default="zero", choices=sorted(scenarios))
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--plot", type=Path, help="an SVG file to draw it into")
    options = parser.parse_args()
    if (reason := load.missing()) is not None:
        raise SystemExit(reason)
    for place in unknown_places():
        print(f"benchmarks/parts.py names {place}, which tokend does not have: its row stays empty", file=sys.stderr)
    os.sched_setaffinity(0, {1})
    each, parts, below = profile(scenarios[options.name], options.seconds)
    print(f"{table('part', each, parts)}\n\n{table('in', each, below)}")
    if options.plot is not None:
        options.plot.write_text(plot.bars(f"{options.name}: {each:.0f} us of CPU a request", parts))


if __name__ == "__main__":
    main()
