"""Samples of the metrics: their sums are those of the counters, and at most an hour of them is kept."""

from tokend.http.history import SAMPLES, History, sample_of
from tokend.telemetry.metrics import Metrics, Snapshot


def _metrics() -> Metrics:
    metrics = Metrics()
    for app in ("a", "b"):
        metrics.request(app, "/v1/token", 200, 0.002)
        metrics.request(app, "/v1/token", 403, 0.2)
        metrics.decision(app, "rtc", "ok")
        metrics.decision(app, "rtc", "not_permitted")
    metrics.count("tokend_limiter_calls", "limited", by=3)
    return metrics


def test_a_sample_sums_over_apps_and_names_none() -> None:
    values = sample_of(_metrics().snapshot({"tokend_workers": {(): 2.0}, "tokend_deny_list_entries": {("file",): 5.0}}))
    assert values["requests|2xx"] == 2
    assert values["requests|4xx"] == 2
    assert values["issued|rtc"] == 2
    assert values["refused|not_permitted"] == 2
    assert values["limits|limited"] == 3
    assert values["workers"] == 2
    assert values["deny|file"] == 5
    assert (values["seconds|0.001"], values["seconds|0.0025"], values["seconds|+Inf"]) == (0, 2, 4)


async def test_an_hour_of_samples_is_kept() -> None:
    now = 0.0
    snapshot = _metrics().snapshot({})

    async def snapshot_of() -> Snapshot:
        return snapshot

    history = History(snapshot_of, lambda: now)
    for _ in range(SAMPLES + 3):
        now += 10
        await history.take()
    samples = history.fields()["samples"]
    assert isinstance(samples, list)
    assert (len(samples), samples[0]["time"], samples[-1]["time"]) == (SAMPLES, 40.0, now)
