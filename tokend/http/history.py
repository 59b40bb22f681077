"""The last hour of the metrics, for the console: a sample of the counters that its plots show, every ten seconds."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import accumulate
from typing import Final

from tokend.telemetry.metrics import BUCKETS, Latencies, Snapshot

EVERY: Final = 10.0
"""Seconds between two samples."""
SAMPLES: Final = 360
"""How many are kept: an hour."""
_BY_LABEL: Final = {
    "tokend_audit_records": "audit",
    "tokend_deny_list_entries": "deny",
    "tokend_limiter_calls": "limits",
    "tokend_reloads": "reloads",
    "tokend_worker_restarts": "worker_restarts",
}
"""Families that are summed for each value of their only label, and the name in a sample."""
_WHOLE: Final = {
    "process_cpu_seconds": "cpu",
    "process_resident_memory_bytes": "memory",
    "tokend_audit_healthy": "audit_healthy",
    "tokend_connections": "connections",
    "tokend_limiter_healthy": "limiter_healthy",
    "tokend_log_lines_dropped": "log_lines_dropped",
    "tokend_requests_in_flight": "in_flight",
    "tokend_workers": "workers",
}
"""Families that are summed as a whole."""


def sample_of(snapshot: Snapshot) -> dict[str, float]:
    """The sums of a snapshot by name, such as `requests|2xx`, `issued|rtc`, `seconds|0.005` or `memory`. No app is in them."""
    found: dict[str, float] = {}

    def add(name: str, value: float) -> None:
        found[name] = found.get(name, 0.0) + value

    for labels, value in snapshot.values.get("tokend_requests", {}).items():
        add(f"requests|{labels[1][:1]}xx", value)
    for (_, kind, outcome, code), value in snapshot.values.get("tokend_decisions", {}).items():
        add(f"issued|{kind}" if outcome == "issued" else f"refused|{code}", value)
    for family, name in _BY_LABEL.items():
        for (label,), value in snapshot.values.get(family, {}).items():
            add(f"{name}|{label}", value)
    for family, name in _WHOLE.items():
        for value in snapshot.values.get(family, {}).values():
            add(name, value)
    whole = Latencies()
    for latencies in snapshot.latencies.values():
        whole.add(latencies)
    for bound, total in zip((*map(str, BUCKETS), "+Inf"), accumulate(whole.counts), strict=True):
        found[f"seconds|{bound}"] = float(total)
    return found


class History:
    """Takes a sample every ten seconds while it runs, and keeps those of the last hour."""

    def __init__(self, snapshot: Callable[[], Awaitable[Snapshot]], clock: Callable[[], float]) -> None:
        """`clock`: Unix seconds."""
        self._snapshot = snapshot
        self._clock = clock
        self._samples: deque[dict[str, object]] = deque(maxlen=SAMPLES)

    async def run(self) -> None:
        """Take samples until the task is cancelled."""
        while True:
            await self.take()
            await asyncio.sleep(EVERY)

    async def take(self) -> None:
        """Take a sample now."""
        values = await asyncio.to_thread(sample_of, await self._snapshot())
        self._samples.append({"time": self._clock(), "values": values})

    def fields(self) -> dict[str, object]:
        """The samples, oldest first, and the seconds between them."""
        return {"every": EVERY, "samples": list(self._samples)}
