"""What the project wants to reach, each as a ratio to another entry of the same run or as a plain figure."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks.growth import MANY_APPS, MANY_CONNECTIONS, MANY_DENIED, MANY_RULES
from benchmarks.reloads import RELOADS
from benchmarks.samples import DISTURBED, Sample
from benchmarks.scenarios import USERS, VARIANTS

Runs = Mapping[str, Sequence[Sample]]
"""The samples of each entry by name; those of one index were taken in one round."""


class Goal(NamedTuple):
    """`figure`: a field of Sample. With `peer`, the ratio to that entry (`inverse`: the peer's to ours).

    `bound` is what is wanted, `enough` what is accepted, if that is less.
    """

    what: str
    entry: str
    figure: str
    bound: float
    peer: str | None = None
    at_most: bool = False
    inverse: bool = False
    unit: str = ""
    enough: float | None = None

    def holds(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound


class Result(NamedTuple):
    """A goal's figure: the median over the rounds, and the least and greatest of them.

    `enough`: it is within what is accepted. `others`: the most cores that other programs used in any of its runs.
    """

    median: float
    least: float
    greatest: float
    reached: bool
    enough: bool
    others: float

    @property
    def verdict(self) -> str:
        if self.reached:
            return "reached"
        return "accepted" if self.enough else "**missed**"

    @property
    def disturbed(self) -> bool:
        return self.others > DISTURBED


def _of_go(what: str, entry: str, bound: float, peer: str = "go", enough: float | None = None) -> Goal:
    return Goal(what, entry, "tokens", bound, peer, unit="x", enough=enough)


def _flat(what: str, curve: str, least: int, most: int, bound: float) -> Goal:
    return Goal(what, f"{curve}-{most}", "cpu_us", bound, f"{curve}-{least}", at_most=True, unit="x")


GOALS: Final = (
    _of_go("zero configuration, requests/s to the Go service's", "zero", 4, enough=3),
    _of_go("the same, to the Go service with GOMAXPROCS=1", "zero", 4, "go-1", enough=3),
    _of_go("API key, rules, audit, metrics, log: requests/s to the Go service's", "key", 3, enough=2.4),
    _of_go(f"JWT caller (ES256), {USERS:,} users: requests/s to the Go service's", f"jwt-{USERS}", 2.4),
    _of_go("POST /getToken, requests/s to the Go service's", "post", 3, "go-post"),
    _of_go("batch of 100, tokens/s to the Go service's", "batch", 9),
    Goal(
        "zero configuration, CPU to an aiohttp hello's",
        "zero",
        "cpu_us",
        2.5,
        "hello",
        at_most=True,
        unit="x",
        enough=3,
    ),
    Goal("in process, builds/s to the vendor's Python", "build", "rate", 1.5, "build-python", unit="x"),
    Goal("LiveKit tokens/s to Express with livekit-server-sdk", "livekit", "rate", 3, "express-livekit", unit="x"),
    Goal("two workers' requests/s to one's", "two-workers", "rate", 1.8, "one-worker", unit="x"),
    Goal("zero configuration, the Go service's p99 to ours", "zero", "p99_ms", 20, "go", inverse=True, unit="x"),
    Goal("memory after 1,000,000 requests", "million", "memory", 60, at_most=True, unit="MiB"),
    Goal("start until it listens, without a file", "start", "started", 0.3, at_most=True, unit="s"),
    Goal("start until it listens, 1,000 apps", "start-1000", "started", 0.5, at_most=True, unit="s"),
    Goal(f"start until it listens, {MANY_APPS:,} apps", f"start-{MANY_APPS}", "started", 2, at_most=True, unit="s"),
    _flat(f"{MANY_APPS:,} apps, CPU of a request to that with one app", "apps", 1, MANY_APPS, 1.1),
    Goal(f"{MANY_RULES:,} rules, the last fits: CPU", f"rules-{MANY_RULES}", "cpu_us", 1500, at_most=True, unit="us"),
    _flat(f"{MANY_DENIED:,} deny entries, CPU to that without", "deny", 0, MANY_DENIED, 1.1),
    _flat(f"{USERS:,} users with JWTs, CPU to that of {VARIANTS}", "jwt", VARIANTS, USERS, 1.1),
    _flat(f"{MANY_CONNECTIONS:,} connections, CPU to that of 64", "connections", 64, MANY_CONNECTIONS, 1.2),
    Goal(
        f"reload of {MANY_APPS:,} apps, 4 workers: p99 to that before",
        "reload",
        "p99_ms",
        2,
        "reload-base",
        True,
        unit="x",
    ),
    Goal(
        f"the same: memory after {RELOADS} reloads to that before",
        "reload",
        "memory",
        1.1,
        "reload-base",
        True,
        unit="x",
    ),
)


def result(goal: Goal, runs: Runs) -> Result | None:
    """None where the run lacks a part of it."""
    if goal.entry not in runs or (goal.peer is not None and goal.peer not in runs):
        return None
    samples = list(runs[goal.entry])
    figures = [value for sample in samples if (value := getattr(sample, goal.figure)) is not None]
    if goal.peer is not None:
        figures = ratios(samples, runs[goal.peer], goal.figure)
        samples += runs[goal.peer]
        if goal.inverse:
            figures = [1 / ratio for ratio in figures]
    if not figures:
        return None
    median = statistics.median(figures)
    return Result(
        median,
        min(figures),
        max(figures),
        reached=goal.holds(median, goal.bound),
        enough=goal.holds(median, goal.bound if goal.enough is None else goal.enough),
        others=max(sample.others for sample in samples),
    )


def ratios(ours: Sequence[Sample], theirs: Sequence[Sample], figure: str) -> list[float]:
    """Ours to theirs, round by round: what disturbed the machine in a round disturbed both."""
    pairs = ((getattr(our, figure), getattr(their, figure)) for our, their in zip(ours, theirs, strict=False))
    return [our / their for our, their in pairs if our is not None and their]
