"""Metrics in the formats of Prometheus, written by prometheus-client. Only the admin listener's process imports it."""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from tokend import __version__
from tokend.telemetry.metrics import BUCKETS, FAMILIES, Labels, Snapshot

LATENCY: Final = "tokend_request_seconds"
LATENCY_LABELS: Final = ("route", "status_class")
BUILD: Final = "tokend_build_info"
_VERSION: Final = re.compile(r"version=([^;]*)")
_VERSIONS: Final = frozenset({"0.0.1", "0.0.4", "1.0.0"})
"""The versions of the formats that a scraper can choose."""


def exposition(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """The body and the content type of `/metrics` for an Accept header."""
    encode, content_type = choose_encoder(_with_known_versions(accept))
    registry = CollectorRegistry()
    registry.register(_SnapshotCollector(snapshot))
    return encode(registry), content_type


def _with_known_versions(accept: str) -> str:
    """The header without other versions: prometheus-client would repeat them in the content type, or fail."""
    return ",".join(entry for entry in accept.split(",") if _VERSIONS.issuperset(_VERSION.findall(entry)))


class _SnapshotCollector(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for name, family in FAMILIES.items():
            kind = CounterMetricFamily if family.gauge is None else GaugeMetricFamily
            metric = kind(name, family.help, labels=family.labels)
            zeros: list[Labels] = [(value,) for value in family.values]
            if family.gauge is None and not family.labels:
                zeros.append(())
            found: dict[Labels, float] = dict.fromkeys(zeros, 0.0)
            found |= self._snapshot.values.get(name, {})
            for labels, value in sorted(found.items()):
                metric.add_metric(labels, value)
            yield metric
        yield self._histogram()
        build = GaugeMetricFamily(BUILD, "The version that runs.", labels=("version",))
        build.add_metric((__version__,), 1)
        yield build

    def _histogram(self) -> Metric:
        metric = HistogramMetricFamily(LATENCY, "Seconds from a request's head to its answer.", labels=LATENCY_LABELS)
        for labels, latencies in sorted(self._snapshot.latencies.items()):
            bounds, totals = (*map(str, BUCKETS), "+Inf"), accumulate(latencies.counts)
            metric.add_metric(labels, list(zip(bounds, totals, strict=True)), latencies.seconds)
        return metric
