"""Processor instructions of a request: `python -m benchmarks.instructions [--write]`.

valgrind's cachegrind counts them, within 0.4 % of one another in two runs. They depend on the build of Python, so
benchmarks/instructions.json has figures for some builds. A test fails if a request takes MORE of them than stands there.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.about import python_build
from benchmarks.in_process import REQUESTS
from benchmarks.load import Failed
from benchmarks.scenarios import VARIANTS
from benchmarks.steps import count

FILE: Final = Path(__file__).with_name("instructions.json")
MORE: Final = 0.10
"""The part by which a request may take more than is written down."""
_TURNS: Final = (2, 5)
"""What the second run takes more than the first is what its additional turns took."""
_NAMED: Final = 0.005
"""Functions of C with a smaller part of the instructions are not written down."""
_SHOWN: Final = 5
_LONGEST: Final = 600
"""Seconds that valgrind may take."""

Figures = Mapping[str, Any]
"""Of a scenario, each a request: `instructions`, `calls`, `bytecodes` by module, and `functions` of C with their instructions."""


def missing() -> str | None:
    """Why nothing can be counted here, and what to do about it."""
    return None if shutil.which("valgrind") else "valgrind is not on the PATH (on Debian: apt-get install valgrind)"


def measured() -> dict[str, Figures]:
    """The figures of each scenario, on this Python."""
    instructions = _instructions()
    found: dict[str, Figures] = {}
    for name, functions in instructions.items():
        total, steps = sum(functions.values()), count(name)
        found[name] = {
            "instructions": round(total),
            "calls": round(steps.calls),
            "bytecodes": steps.bytecodes,
            "functions": {called: round(cost) for called, cost in functions.most_common() if cost >= total * _NAMED},
        }
    return found


def written(build: str | None = None) -> dict[str, Figures] | None:
    """What stands in the file for this Python; None: nothing."""
    found: dict[str, Figures] | None = json.loads(FILE.read_text()).get(build or python_build())
    return found


def write(figures: Mapping[str, Figures]) -> None:
    """Put the figures of this Python in the place of those that the file has."""
    everything = {**json.loads(FILE.read_text()), python_build(): figures}
    FILE.write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")


def growth(before: Mapping[str, Figures], now: Mapping[str, Figures]) -> list[str]:
    """A sentence for each scenario that takes over MORE than before, with the modules and functions that grew most."""
    found = []
    for name, figures in now.items():
        was, is_now = before[name]["instructions"], figures["instructions"]
        if is_now > was * (1 + MORE):
            modules = _grown(before[name]["bytecodes"], figures["bytecodes"])
            functions = _grown(before[name]["functions"], figures["functions"])
            found.append(
                f"{name}: {was:,} instructions a request are now {is_now:,} ({is_now / was - 1:+.0%}); "
                f"bytecodes grew in {modules or 'no module'}; instructions grew in {functions or 'no function of C'}. "
                "If that has to be: make instructions"
            )
    return found


def _grown(before: Mapping[str, float], now: Mapping[str, float]) -> str:
    more = Counter({name: value - before.get(name, 0) for name, value in now.items()})
    return ", ".join(f"{name} by {by:,.0f}" for name, by in more.most_common(_SHOWN) if by >= 1)


def _instructions() -> dict[str, Counter[str]]:
    """For each scenario, the instructions of a request by the function of C that they are in."""
    runs = [f"{name}:{turns}" for name in REQUESTS for turns in _TURNS]
    with tempfile.TemporaryDirectory(prefix="tokend-benchmarks-") as directory:
        command = [
            "valgrind",
            "--tool=cachegrind",
            "--cache-sim=no",
            f"--cachegrind-out-file={directory}/%p",
            "--quiet",
        ]
        done = subprocess.run(
            [*command, sys.executable, "-m", "benchmarks.in_process", *runs],
            cwd=FILE.parent.parent,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST,
        )
        if done.returncode != 0:
            raise Failed(f"valgrind ended with {done.returncode}: {done.stderr[-500:]}")
        lines = (line.split() for line in done.stdout.splitlines())
        totals = {f"{name}:{turns}": read(Path(directory, process).read_text()) for process, name, turns in lines}
    fewer, more = _TURNS
    each: dict[str, Counter[str]] = {}
    for name in REQUESTS:
        base, functions = totals[f"{name}:{fewer}"], totals[f"{name}:{more}"]
        requests = (more - fewer) * VARIANTS
        each[name] = Counter({called: (cost - base[called]) / requests for called, cost in functions.items()})
    return each


def read(text: str) -> Counter[str]:
    """Instructions by function, of a file that cachegrind has written."""
    found: Counter[str] = Counter()
    function = ""
    for line in text.splitlines():
        if line.startswith("fn="):
            function = line[3:]
        elif re.match(r"\d", line):
            found[function] += int(line.split()[1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.instructions", description="Count the instructions of a request.")
    parser.add_argument(
        "--write", action="store_true", help="write them down for this Python: benchmarks/instructions.json"
    )
    options = parser.parse_args()
    if (reason := missing()) is not None:
        raise SystemExit(reason)
    before, now = written(), measured()
    for name, figures in now.items():
        was = "" if before is None else f", {figures['instructions'] / before[name]['instructions'] - 1:+.1%}"
        print(f"{name}: {figures['instructions']:,} instructions and {figures['calls']:,.0f} calls a request{was}")
    if options.write:
        write(now)


if __name__ == "__main__":
    main()
