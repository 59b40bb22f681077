"""The plots of a run: goals with their spread, latencies, and what grows."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks import plot
from benchmarks.goals import GOALS, Runs, result
from benchmarks.growth import CURVES
from benchmarks.plot import Axis, Span
from benchmarks.report import median, number
from benchmarks.samples import PERCENTILES

LATENCIES: Final[Mapping[str, str]] = {
    "zero": "tokend, zero configuration",
    "key": "tokend, key, rules, audit",
    "go": "Go service",
    "express": "Express",
    "hello": "aiohttp hello",
}
_FIRST_TICK: Final = 50
"""Percentiles below lie too near to one another to be written."""
_TICKS: Final = (0.125, 0.25, 0.5, 1, 2, 4)


def pictures(runs: Runs) -> dict[str, str]:
    """SVG texts by the name of their file; those of which the run has nothing are left out."""
    drawn = {"bench-goals.svg": _goals(runs), "bench-latency.svg": _latencies(runs), "bench-growth.svg": _growth(runs)}
    return {name: text for name, text in drawn.items() if text is not None}


def _goals(runs: Runs) -> str | None:
    rows = []
    for goal in GOALS:
        found = result(goal, runs)
        if found is None or not found.least:
            continue
        parts = [
            goal.bound / value if goal.at_most else value / goal.bound
            for value in (found.least, found.median, found.greatest)
        ]
        rows.append(Span(goal.what, min(parts), parts[1], max(parts), f"{number(found.median)} {goal.unit}"))
    return plot.spans("Measured to wanted: right of 1 the goal is reached", rows, _TICKS) if rows else None


def _latencies(runs: Runs) -> str | None:
    series = {
        what: [(percentile, _at(runs, name, place)) for place, percentile in enumerate(PERCENTILES)]
        for name, what in LATENCIES.items()
        if name in runs
    }
    if not series:
        return None
    across = Axis(
        "percentile of the requests", {value: f"{value:g}" for value in PERCENTILES if value >= _FIRST_TICK}, _tail
    )
    values = [latency for points in series.values() for _, latency in points]
    return plot.curves("Latency, 64 connections, as fast as it goes", across, plot.logarithmic("ms", values), series)


def _growth(runs: Runs) -> str | None:
    series: dict[str, list[tuple[float, float]]] = {}
    for curve in CURVES:
        points = [
            (float(max(size, 1)), cost)
            for size in curve.sizes
            if (cost := median(runs.get(curve.entry(size), ()), "cpu_us")) is not None
        ]
        if len(points) > 1:
            series[curve.what] = points
    if not series:
        return None
    xs, ys = ([point[place] for points in series.values() for point in points] for place in (0, 1))
    title = "Processor time of a request as something grows"
    return plot.curves(title, plot.logarithmic("how many", xs), plot.logarithmic("us", ys), series)


def _tail(percentile: float) -> float:
    """Each nine as wide as the one before."""
    return -math.log10(1 - percentile / 100)


def _at(runs: Runs, name: str, place: int) -> float:
    found: Sequence[float] = sorted(s.latency_ms[place] for s in runs[name] if s.latency_ms is not None)
    return max(found[len(found) // 2], 1e-3)
