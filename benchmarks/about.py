"""Where and how a run was measured: the machine, the build of Python, and what disturbed it."""

import os
import platform
import sys
from datetime import UTC, datetime

from benchmarks.goals import Runs
from benchmarks.load import CONNECTIONS
from benchmarks.samples import DISTURBED, Cores


def about(runs: Runs, placed: Cores, rounds: int, seconds: int, took: float) -> dict[str, str]:
    """What stands above the tables. `took`: seconds."""
    found = {
        "measured": f"{datetime.now(UTC):%Y-%m-%d}, {python_build()}, {os.cpu_count()} cores, in {took / 60:.0f} minutes",
        "how": f"{rounds} rounds of {seconds} s, {CONNECTIONS} connections (8 for batches); "
        "medians, and ratios round by round",
        "disturbed": disturbed(runs),
    }
    if placed.server & placed.load:
        found["cores"] = "wrk had no core of its own: rates are lower than they would be with one"
    return found


def python_build() -> str:
    """The Python and who built it: the same version of another builder may take a fifth more or less processor time."""
    version = f"CPython {platform.python_version()}"
    if sys.base_prefix == "/usr":
        system = platform.freedesktop_os_release().get("NAME", "the system")
        return f"{version} of {system}'s package"
    if "pyenv" in sys.base_prefix:
        return f"{version} built by pyenv"
    return f"{version} built by {platform.python_compiler()}"


def disturbed(runs: Runs) -> str:
    """Which entries other programs took time from, and how much."""
    worst = {name: max(sample.others for sample in samples) for name, samples in runs.items()}
    named = [f"`{name}` {cores:.2f}" for name, cores in worst.items() if cores > DISTURBED]
    if not named:
        return f"by nobody: other programs used {max(worst.values(), default=0.0):.2f} cores at most"
    return f"other programs used more than {DISTURBED} cores beside {', '.join(named)} (cores); look at CPU there"
