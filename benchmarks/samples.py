"""What one run found, and where it ran."""

from typing import Final, NamedTuple

PERCENTILES: Final = (10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9)
"""Those of `Sample.latency_ms`, in its order."""
DISTURBED: Final = 0.1
"""Cores that other programs may use before a figure counts as disturbed."""


class Cores(NamedTuple):
    """Where the server runs, and where wrk and this program do."""

    server: frozenset[int]
    load: frozenset[int]


class Sample(NamedTuple):
    """What one run of one entry found. A figure that an entry does not have is None, or 0 where it is a rate."""

    rate: float = 0
    """Requests, or builds, a second."""
    cpu_us: float = 0
    """Microseconds of processor time for each of them, user and system time of all processes of the server."""
    tokens: float = 0
    """Tokens a second."""
    latency_ms: tuple[float, ...] | None = None
    """At each of PERCENTILES."""
    memory: float | None = None
    """Resident memory at the end, MiB."""
    peak: float | None = None
    """The most resident memory, MiB."""
    started: float | None = None
    """Seconds from the start of the process until it listens."""
    busy: float | None = None
    """The part of its core that wrk used."""
    faults: float | None = None
    """Page faults a request."""
    others: float = 0
    """What other programs, and other machines of the same host, used meanwhile, in cores."""

    @property
    def p50_ms(self) -> float | None:
        return self._at(50.0)

    @property
    def p99_ms(self) -> float | None:
        return self._at(99.0)

    @property
    def per_cpu_second(self) -> float | None:
        """Tokens for each second of CPU: the rate of a core that this program had for itself."""
        return self.tokens / self.rate / self.cpu_us * 1e6 if self.rate and self.cpu_us else None

    def _at(self, percentile: float) -> float | None:
        return None if self.latency_ms is None else self.latency_ms[PERCENTILES.index(percentile)]
