"""What one machine serves: the table of docs/capacity.md, from the figures of a run."""

import statistics

from benchmarks.goals import Runs, ratios
from benchmarks.growth import MANY_APPS, MANY_CONNECTIONS
from benchmarks.load import CONNECTIONS
from benchmarks.report import Report, median, number, table
from benchmarks.scenarios import BATCH, USERS

_TOKENS = {
    "zero": "no caller, no audit (zero configuration)",
    "key": "API key, rules, limits in memory, audit",
    f"jwt-{USERS}": f"JWTs of {USERS:,} users (ES256), rules, limits in memory, audit",
    "batch": f"batches of {BATCH}, zero configuration",
    "livekit": "LiveKit tokens, zero configuration",
}
"""Entries whose tokens a second are in the table."""


def capacity(report: Report) -> list[str]:
    """The table, in Markdown; a row that the run has no figure for is left out."""
    runs = report.runs
    rows = [
        [f"tokens a second and core: {what}", number(1e6 / cpu * tokens), f"{number(cpu)} us a request"]
        for name, what in _TOKENS.items()
        if (cpu := median(runs.get(name, ()), "cpu_us")) and (tokens := _tokens(runs, name))
    ]
    rows += [row for row in (_second_worker(runs), *_memory(runs)) if row is not None]
    return table(("what", "figure", "from"), rows)


def _tokens(runs: Runs, name: str) -> float:
    """How many an answer holds."""
    sample = runs[name][0]
    return sample.tokens / sample.rate


def _second_worker(runs: Runs) -> list[str] | None:
    found = ratios(runs.get("two-workers", ()), runs.get("one-worker", ()), "rate")
    if not found:
        return None
    ratio = f"{statistics.median(found):.2f} x"  # as in the table of goals
    return ["a second worker on a second core", ratio, "requests/s, while wrk uses part of that core"]


def _memory(runs: Runs) -> list[list[str] | None]:
    return [
        _plain("memory of a worker when it listens", runs, "start"),
        _plain("memory after 1,000,000 requests", runs, "million"),
        _each("memory of an app, each worker", runs, "start", f"start-{MANY_APPS}", "memory", MANY_APPS),
        _each(
            "memory of a connection in use",
            runs,
            f"connections-{CONNECTIONS}",
            f"connections-{MANY_CONNECTIONS}",
            "peak",
            MANY_CONNECTIONS - CONNECTIONS,
        ),
    ]


def _plain(what: str, runs: Runs, name: str) -> list[str] | None:
    found = median(runs.get(name, ()), "memory")
    return None if found is None else [what, f"{number(found)} MiB", f"`{name}`"]


def _each(what: str, runs: Runs, least: str, most: str, figure: str, count: int) -> list[str] | None:
    low, high = median(runs.get(least, ()), figure), median(runs.get(most, ()), figure)
    if low is None or high is None:
        return None
    return [what, f"{number((high - low) * 1024 / count)} KiB", f"`{most}` less `{least}`, by {count:,}"]
