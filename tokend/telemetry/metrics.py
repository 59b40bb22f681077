"""The metrics of a process as plain numbers, and their sums over all processes.

They are plain numbers because a label lookup in prometheus-client costs more than a signature. `prometheus.py` writes them
in its format. The values of labels are bounded: they come from the configuration and from closed lists, never from a client.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

Labels = tuple[str, ...]
BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the latency histogram's buckets, in seconds."""
FAILURES: Final = 50
"""How many failed requests a process keeps for the console."""


class Family(Struct, frozen=True):
    """A metric: its help and its labels. `gauge` combines the values of several processes; None for a counter.

    `values`: every value of its only label. Each is exported from the start, since Prometheus does not see an increase in
    a counter that starts at 1.
    """

    help: str
    labels: Labels = ()
    gauge: Callable[[Iterable[float]], float] | None = None
    values: Labels = ()


_CLOSED: Final = ("address_cap", "cap", "head", "write", "answer")
FAMILIES: Final[Mapping[str, Family]] = {
    "tokend_requests": Family("Requests answered, by HTTP status.", ("app", "status")),
    "tokend_decisions": Family(
        "Tokens issued and refused; the code is ok, or the error code.", ("app", "kind", "outcome", "code")
    ),
    "tokend_connections_closed": Family(
        "Connections closed by the connection limiter, by reason.", ("reason",), None, _CLOSED
    ),
    "tokend_bodies_displaced": Family(
        "Unfinished bodies that failed because all of them together exceeded their budget."
    ),
    "tokend_reloads": Family("Reloads of the configuration.", ("result",), None, ("done", "unchanged", "refused")),
    "tokend_worker_restarts": Family("Workers that ended and were replaced.", ("reason",), None, ("killed", "exited")),
    "tokend_audit_records": Family("Decisions written to the audit, or not.", ("result",), None, ("ok", "failed")),
    "tokend_limiter_calls": Family(
        "Requests checked against the rate limits, by result.",
        ("result",),
        None,
        ("admitted", "limited", "unavailable"),
    ),
    "tokend_log_lines_dropped": Family(
        "Lines of the log that were dropped because nobody read the log, or its disk was full."
    ),
    "tokend_requests_in_flight": Family("Requests that are being answered.", (), sum),
    "tokend_connections": Family("Open connections.", (), sum),
    "tokend_workers": Family("Processes that answer requests.", (), sum),
    "tokend_ready": Family("1 if requests should be sent here, as /readyz says.", (), min),
    "tokend_apps": Family(
        "Apps that are served. An invalid app counts only if its last valid version is served.", (), min
    ),
    "tokend_app_valid": Family("1 if the app's part of the configuration is valid.", ("app",), min),
    "tokend_config_last_reload_successful": Family("0 if the last reload was refused.", (), min),
    "tokend_config_last_load_timestamp_seconds": Family("When the configuration in force was loaded.", (), min),
    "tokend_audit_healthy": Family("1 if the audit can be written.", (), min),
    "tokend_limiter_healthy": Family(
        "1 while Redis counts for the limits; while it is 0, redis.on_failure decides.", (), min
    ),
    "tokend_config_info": Family(
        "1; the fingerprint changes with the apps as they are written.", ("fingerprint",), min
    ),
    "tokend_key_expires_timestamp_seconds": Family(
        "When the next key of a caller ends, or when its last one ended.", ("app", "caller"), min
    ),
    "process_cpu_seconds": Family("CPU time of all processes."),
    "process_resident_memory_bytes": Family("Resident memory of all processes.", (), sum),
    "process_open_fds": Family("Open file descriptors of all processes.", (), sum),
    "process_start_time_seconds": Family("When the first of the processes started.", (), min),
    "tokend_deny_list_entries": Family("Entries of the deny list that count.", ("source",), max),
    "tokend_deny_list_problems": Family(
        "Lines of the deny list that are no entries, and one more if it cannot be read.", ("source",), max
    ),
    "tokend_deny_list_age_seconds": Family(
        "Seconds since the deny list was last known to be current.", ("source",), max
    ),
    "tokend_jwks_age_seconds": Family(
        "Age of the identity provider's keys when a request last needed them.", ("source",), max
    ),
}

Values = dict[str, dict[Labels, float]]


class Latencies(Struct):
    """A histogram. `counts`: one per bucket, the last for +Inf; `seconds`: the sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count a request that took so long."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds

    def add(self, other: "Latencies") -> None:
        """Add what another process has counted."""
        self.counts = [count + of_other for count, of_other in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds


class Failure(Struct, frozen=True):
    """A request that failed, or a batch in which a token did. `time`: Unix seconds; `detail`: its sentence, if it is kept."""

    time: float
    app: str | None
    route: str | None
    kind: str | None
    code: str
    status: int
    request_id: str
    caller: str | None = None
    detail: str | None = None


class Snapshot(Struct, frozen=True):
    """Counters and gauges by family and labels. `latencies`: a histogram for each route and status class.

    `failures`: the last ones, oldest first.
    """

    values: Values
    latencies: Mapping[Labels, Latencies]
    failures: tuple[Failure, ...] = ()


NOTHING: Final = Snapshot({}, {})


class Metrics:
    """The counters of a process, and its last failures. `keeps_details`: whether those have the sentences of errors."""

    def __init__(self) -> None:
        self.keeps_details = False
        self._counters: Values = {name: {} for name, family in FAMILIES.items() if family.gauge is None}
        self._latencies: dict[Labels, Latencies] = {}
        self._failures: deque[Failure] = deque(maxlen=FAILURES)

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Increase the counter of a family of FAMILIES."""
        counters = self._counters[name]
        counters[labels] = counters.get(labels, 0) + by

    def request(self, app: str | None, endpoint: str | None, status: int, seconds: float) -> None:
        """Count an answered request, and the seconds that it took. `endpoint`: its template below the app's route."""
        self.count("tokend_requests", app or "", str(status))
        labels = (endpoint or "", f"{status // 100}xx")
        latencies = self._latencies.get(labels)
        if latencies is None:
            latencies = self._latencies[labels] = Latencies()
        latencies.observe(seconds)

    def decision(self, app: str, kind: str, code: str) -> None:
        """Count a token request that was decided. `code`: ok, or the error code."""
        self.count("tokend_decisions", app, kind, "issued" if code == "ok" else "refused", code)

    def failure(self, failure: Failure) -> None:
        """Keep a failed request for a while, until FAILURES others have failed."""
        self._failures.append(failure)

    def snapshot(self, gauges: Values) -> Snapshot:
        """A copy of the counters, together with these gauges."""
        counters = {name: dict(series) for name, series in self._counters.items()}
        latencies = {labels: Latencies(list(found.counts), found.seconds) for labels, found in self._latencies.items()}
        return Snapshot({**counters, **gauges}, latencies, tuple(self._failures))


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The sum of all processes: counters are added, gauges are combined as their family says."""
    collected: dict[str, dict[Labels, list[float]]] = {}
    latencies: dict[Labels, Latencies] = {}
    failures: list[Failure] = []
    for snapshot in snapshots:
        failures += snapshot.failures
        for labels, found_latencies in snapshot.latencies.items():
            latencies.setdefault(labels, Latencies()).add(found_latencies)
        for name, series in snapshot.values.items():
            for labels, value in series.items():
                collected.setdefault(name, {}).setdefault(labels, []).append(value)
    values = {
        name: {labels: (FAMILIES[name].gauge or sum)(found) for labels, found in series.items()}
        for name, series in collected.items()
    }
    failures.sort(key=attrgetter("time"))
    return Snapshot(values, latencies, tuple(failures[-FAILURES:]))


def counters_of(snapshot: Snapshot) -> Snapshot:
    """What remains of a process that has ended: its counters, without its gauges."""
    counters = {name: series for name, series in snapshot.values.items() if FAMILIES[name].gauge is None}
    return replace(snapshot, values=counters)
