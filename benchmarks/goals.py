"""What the project wants to reach, each as a ratio to a peer of the same run or as a plain figure."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks.measure import Sample

Runs = Mapping[str, Sequence[Sample]]
"""The samples of each scenario, peer and builder by name; those of one index were taken beside one another."""


class Goal(NamedTuple):
    """`figure`: a field of Sample. With `peer`, the ratio to it (`inverse`: the peer's to ours)."""

    what: str
    entry: str
    figure: str
    bound: float
    peer: str | None = None
    at_most: bool = False
    inverse: bool = False
    unit: str = ""


class Result(NamedTuple):
    """A goal's figure: the median over the rounds, and the least and greatest of them."""

    median: float
    least: float
    greatest: float
    reached: bool


GOALS: Final = (
    Goal("zero configuration, requests/s to the Go service's", "zero", "rate", 4, "go", unit="x"),
    Goal("zero configuration, the Go service's p99 to ours", "zero", "p99_ms", 20, "go", inverse=True, unit="x"),
    Goal("API key, rules, audit: requests/s to the Go service's", "key", "rate", 3, "go", unit="x"),
    Goal("JWT caller, claims, audit: requests/s to the Go service's", "jwt", "rate", 2, "go", unit="x"),
    Goal("zero configuration, CPU to an aiohttp hello's", "zero", "cpu_us", 2.5, "hello", at_most=True, unit="x"),
    Goal("batch of 100, tokens/s", "batch", "tokens", 30_000),
    Goal("batch of 100, tokens/s to the Go service's", "batch", "tokens", 10, "go", unit="x"),
    Goal("in process, builds/s to the vendor's Python", "build", "rate", 1.9, "build-python", unit="x"),
    Goal("in process, builds/s to npm's", "build", "rate", 2.5, "build-npm", unit="x"),
    Goal("two workers' requests/s to one's", "two-workers", "rate", 1.8, "one-worker", unit="x"),
    Goal("memory after 1,000,000 requests", "million", "memory", 60, at_most=True, unit="MiB"),
    Goal("10,000 apps, listening after", "apps", "started", 3, at_most=True, unit="s"),
    Goal("10,000 apps, CPU of a request to that with one app", "apps", "cpu_us", 1.1, "app", at_most=True, unit="x"),
)


def result(goal: Goal, runs: Runs) -> Result | None:
    """None where the run lacks a part of it."""
    if goal.entry not in runs or (goal.peer is not None and goal.peer not in runs):
        return None
    figures = [value for one in runs[goal.entry] if (value := getattr(one, goal.figure)) is not None]
    if goal.peer is not None:
        figures = ratios(runs[goal.entry], runs[goal.peer], goal.figure)
        if goal.inverse:
            figures = [1 / one for one in figures]
    if not figures:
        return None
    median = statistics.median(figures)
    return Result(median, min(figures), max(figures), median <= goal.bound if goal.at_most else median >= goal.bound)


def ratios(ours: Sequence[Sample], theirs: Sequence[Sample], figure: str) -> list[float]:
    """Ours to theirs, round by round: what disturbed the machine in a round disturbed both."""
    pairs = ((getattr(one, figure), getattr(other, figure)) for one, other in zip(ours, theirs, strict=False))
    return [one / other for one, other in pairs if one is not None and other]
