"""Metrics of requests, of the process and of the configuration: bounded however many apps there are."""

from pathlib import Path

import msgspec
import pytest

from tests.unit.config.writing import APP_ID, loaded
from tests.unit.http.running import KEY, Serving
from tokend.auth.key_digests import digest_of
from tokend.telemetry.metrics import Metrics, Snapshot, counters_of, merged
from tokend.telemetry.process_usage import process_usage
from tokend.telemetry.prometheus import exposition

RTM = "/rtm/{rtmuid}"


def _yaml(apps: list[str], listen: str = "127.0.0.1:8080") -> str:
    lines = [f'server: {{listen: "{listen}"}}', "apps:"]
    for name in apps:
        callers = f'{{studio: {{api_key: "{digest_of(KEY)}"}}}}'
        custom = f'[{{path: "/{name}"}}, {{path: "/{name}/own/{{user}}", kind: rtm}}]'
        lines.append(
            f'  {name}: {{app_id: "{APP_ID}", certificate: {{env: CERTIFICATE}}, callers: {callers}, routes: {custom}}}'
        )
    return "\n".join(lines) + "\n"


async def test_the_histogram_has_a_series_per_endpoint_and_status_class_and_not_per_app(serving: Serving) -> None:
    apps = [f"app{number}" for number in range(20)]
    async with serving(_yaml(apps)) as server:
        for name in apps:
            await server.token_request("GET", f"/{name}/rtm/ada", None, ("X-API-Key", KEY))
            await server.token_request("GET", f"/{name}/rtm/ada", None)
            await server.token_request("GET", f"/{name}/own/ada", None)
            await server.token_request("GET", f"/{name}/nothing-{name}", None)
        await server.token_request("GET", "/ping", None)
        snapshot = server.control.snapshot()
    counts = {labels: sum(latencies.counts) for labels, latencies in snapshot.latencies.items()}
    assert counts == {(RTM, "2xx"): 20, (RTM, "4xx"): 20, ("custom", "4xx"): 20, ("", "4xx"): 20, ("/ping", "2xx"): 1}
    text = exposition(snapshot, "")[0].decode()
    assert f'tokend_request_seconds_count{{route="{RTM}",status_class="2xx"}} 20.0' in text


def test_latencies_of_workers_are_added_and_stay_when_one_ends() -> None:
    first, second = Metrics(), Metrics()
    first.request("demo", RTM, 200, 0.002)
    second.request("demo", RTM, 204, 0.3)
    second.request("demo", RTM, 503, 0.3)
    sent = msgspec.msgpack.encode(counters_of(second.snapshot({})))
    found = merged([first.snapshot({}), msgspec.msgpack.decode(sent, type=Snapshot)])
    assert found == merged([first.snapshot({}), second.snapshot({})])
    assert sum(found.latencies[RTM, "2xx"].counts) == 2
    assert sum(found.latencies[RTM, "5xx"].counts) == 1
    assert first.snapshot({}).latencies[RTM, "2xx"].seconds == 0.002


def test_a_process_says_what_it_uses() -> None:
    usage = process_usage()
    assert 1e6 < usage["process_resident_memory_bytes"][()] < 1e11
    assert 1 <= usage["process_open_fds"][()] < 1e6
    assert usage["process_cpu_seconds"][()] > 0
    text = exposition(merged([Snapshot(usage, {}), Snapshot(usage, {})]), "")[0].decode()
    assert "process_cpu_seconds_total " in text


@pytest.mark.parametrize(
    "version",
    ["abc", "9.0.0", "1.0.\t0", "1.0.\u00a00", "1" * 5_000, "1.0.0; version=2", ""],
    ids=lambda version: version[:9],
)
@pytest.mark.parametrize("media", ["application/openmetrics-text", "text/plain"])
def test_a_version_that_no_scraper_has_is_not_repeated(media: str, version: str) -> None:
    known = f"{media}; version=1.0.0; escaping=allow-utf-8"
    snapshot = Snapshot({}, {})
    assert exposition(snapshot, f"{media}; version={version}")[1] == exposition(snapshot, "")[1]
    assert exposition(snapshot, f"{media}; version={version}, {known}") == exposition(snapshot, known)


def test_instances_with_the_same_apps_have_the_same_fingerprint(tmp_path: Path) -> None:
    first = loaded(tmp_path, _yaml(["a", "b"])).apps_fingerprint
    assert loaded(tmp_path, _yaml(["b", "a"], "127.0.0.1:9090")).apps_fingerprint == first
    assert loaded(tmp_path, _yaml(["a"])).apps_fingerprint != first
    assert loaded(tmp_path, _yaml(["a", "b"]).replace("/own/", "/other/")).apps_fingerprint != first


def test_the_next_end_of_a_key_counts_and_then_the_last_one(tmp_path: Path) -> None:
    keys = ", ".join(
        f'{{sha256: "{str(year)[-1] * 64}", not_after: "{year}-01-01T00:00:00Z"}}' for year in (2030, 2031)
    )
    text = _yaml(["demo"]).replace(f'"{digest_of(KEY)}"', f"[{keys}]")
    configuration = loaded(tmp_path, text)
    first, last = 1_893_456_000, 1_924_992_000
    assert configuration.next_key_ends(first) == {("demo", "studio"): first}
    assert configuration.next_key_ends(first + 1) == {("demo", "studio"): last}
    assert configuration.next_key_ends(last + 1) == {("demo", "studio"): last}
    assert loaded(tmp_path, _yaml(["demo"])).next_key_ends(0) == {}
