"""Counts of one process, kept as plain numbers, and added up over all processes.

Plain, since a label lookup of Prometheus' library costs more than a signature; `exposition.py` tells them in its words.
Labels are bounded: apps, kinds and codes come from the configuration and from closed lists, never from a client.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

Labels = tuple[str, ...]
BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the latencies' buckets, in seconds."""


class Family(Struct, frozen=True):
    """One metric: its help, its labels, and, for a gauge, how the values of several processes make one.

    `values`: all that its one label can have; each is there from the beginning, since a counter that begins at 1 has
    not risen to Prometheus.
    """

    help: str
    labels: Labels = ()
    gauge: Callable[[Iterable[float]], float] | None = None
    values: Labels = ()


_CLOSED: Final = ("address_cap", "cap", "head", "write", "answer")
FAMILIES: Final[Mapping[str, Family]] = {
    "tokend_requests": Family("Requests answered, by HTTP status.", ("app", "status")),
    "tokend_decisions": Family(
        "Tokens issued and refused; the code is ok or why not.", ("app", "kind", "outcome", "code")
    ),
    "tokend_connections_closed": Family(
        "Connections that the guard closed, by what was late or full.", ("reason",), None, _CLOSED
    ),
    "tokend_reloads": Family("Reloads of the configuration.", ("result",), None, ("done", "unchanged", "refused")),
    "tokend_worker_restarts": Family("Workers that ended and were replaced.", ("reason",), None, ("killed", "exited")),
    "tokend_audit_records": Family("Decisions written to the audit, or not.", ("result",), None, ("ok", "failed")),
    "tokend_limiter_calls": Family(
        "Asks held against the limits, by what came of it.", ("result",), None, ("admitted", "limited", "unavailable")
    ),
    "tokend_requests_in_flight": Family("Requests that are being answered.", (), sum),
    "tokend_connections": Family("Open connections.", (), sum),
    "tokend_workers": Family("Processes that answer requests.", (), sum),
    "tokend_ready": Family("1 if requests should be sent here, as /readyz says.", (), min),
    "tokend_apps": Family("Apps of the configuration that serves.", (), min),
    "tokend_app_valid": Family("1 if the app's part of the configuration is valid.", ("app",), min),
    "tokend_config_last_reload_successful": Family("0 if the last reload was refused.", (), min),
    "tokend_config_last_load_timestamp_seconds": Family("When the configuration that serves was loaded.", (), min),
    "tokend_audit_healthy": Family("1 if the audit can be written.", (), min),
    "tokend_limiter_healthy": Family("1 if Redis counts; while 0, redis.on_failure decides.", (), min),
    "tokend_jwks_age_seconds": Family("Age of the identity provider's keys.", ("source",), max),
}

Values = dict[str, dict[Labels, float]]


class Snapshot(Struct, frozen=True):
    """Counters and gauges by family and labels; latencies as counts a bucket (the last one is +Inf) and their sum."""

    values: Values
    latencies: list[int]
    seconds: float

    def pack(self) -> dict[str, Any]:
        """As JSON has it."""
        values = {name: [[list(labels), value] for labels, value in of.items()] for name, of in self.values.items()}
        return {"values": values, "latencies": self.latencies, "seconds": self.seconds}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> "Snapshot":
        values = {name: {tuple(labels): value for labels, value in of} for name, of in packed["values"].items()}
        return cls(values, list(packed["latencies"]), packed["seconds"])


NOTHING: Final = Snapshot({}, [0] * (len(BUCKETS) + 1), 0.0)


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        self._counters: Values = {name: {} for name, family in FAMILIES.items() if family.gauge is None}
        self._latencies = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        of = self._counters[name]
        of[labels] = of.get(labels, 0) + by

    def request(self, app: str | None, status: int, seconds: float) -> None:
        """An answered request and how long it took."""
        self.count("tokend_requests", app or "", str(status))
        self._latencies[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def decision(self, app: str, kind: str, code: str) -> None:
        """An ask that was decided; `code`: ok, or why no token was issued."""
        self.count("tokend_decisions", app, kind, "issued" if code == "ok" else "refused", code)

    def snapshot(self, gauges: Values) -> Snapshot:
        counters = {name: dict(of) for name, of in self._counters.items()}
        return Snapshot({**counters, **gauges}, list(self._latencies), self._seconds)


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """All processes as one: counters added, gauges as their family says."""
    collected: dict[str, dict[Labels, list[float]]] = {}
    latencies, seconds = list(NOTHING.latencies), 0.0
    for one in snapshots:
        latencies = [a + b for a, b in zip(latencies, one.latencies, strict=True)]
        seconds += one.seconds
        for name, of in one.values.items():
            for labels, value in of.items():
                collected.setdefault(name, {}).setdefault(labels, []).append(value)
    values = {
        name: {labels: (FAMILIES[name].gauge or sum)(found) for labels, found in of.items()}
        for name, of in collected.items()
    }
    return Snapshot(values, latencies, seconds)


def counted(snapshot: Snapshot) -> Snapshot:
    """What stays of a process that has ended: its counters, not its gauges."""
    return replace(snapshot, values={name: of for name, of in snapshot.values.items() if FAMILIES[name].gauge is None})
