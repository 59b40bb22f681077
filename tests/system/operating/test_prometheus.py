"""deploy/prometheus and deploy/grafana, held against what a real tokend exposes, with Debian's promtool and prometheus."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from aiohttp import ClientSession

from tests.free_ports import free_port
from tests.needs import skip_or_fail
from tests.running import ROOT
from tests.system.workers.load import waits
from tests.system.workers.serving import serving
from tokend.telemetry.metrics import FAMILIES
from tokend.telemetry.prometheus import BUILD, LATENCY

pytestmark = pytest.mark.xdist_group("prometheus")

_ALERTS: Final = ROOT / "deploy/prometheus/alerts.yaml"
_DASHBOARD: Final = ROOT / "deploy/grafana/tokend.json"
_SCRAPE: Final = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: ["{alerts}"]
scrape_configs: [{{job_name: tokend, static_configs: [{{targets: ["{target}"]}}]}}]
"""


@pytest.fixture(scope="module")
def prometheus() -> None:
    """Without the programs the test is skipped, saying why; where CI=true it fails."""
    if shutil.which("promtool") and shutil.which("prometheus"):
        return
    unmet = "no prometheus: promtool is not on the PATH (on Debian: apt-get install prometheus)"
    skip_or_fail(unmet)


def _promtool(*arguments: str, text: str | None = None) -> str:
    done = subprocess.run(
        ["promtool", *arguments],
        input=text,
        cwd=_ALERTS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(_ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


@pytest.mark.usefixtures("prometheus")
def test_the_rules_are_sound_and_fire_for_what_they_are_for() -> None:
    _promtool("check", "rules", _ALERTS.name)
    assert "SUCCESS" in _promtool("test", "rules", "alerts_test.yaml")


def test_every_rule_is_tested_and_says_what_to_do() -> None:
    tested = (_ALERTS.parent / "alerts_test.yaml").read_text()
    docs = (ROOT / "docs/operating.md").read_text()
    for rule in _rules():
        assert re.search(rf'alertname(="|: ){rule["alert"]}\b', tested)
        assert f"`{rule['alert']}`" in docs
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["labels"]["severity"] in ("page", "ticket")


def _named(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:tokend|process)_\w+", expression))


def _exposed() -> set[str]:
    counters = {f"{name}_total" for name, family in FAMILIES.items() if family.gauge is None}
    gauges = {name for name, family in FAMILIES.items() if family.gauge is not None}
    return {*counters, *gauges, BUILD, *(f"{LATENCY}_{one}" for one in ("bucket", "sum", "count"))}


def test_alerts_and_dashboard_name_metrics_that_there_are() -> None:
    dashboard = json.loads(_DASHBOARD.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [one["query"] for one in dashboard["templating"]["list"]]
    expressions = [*queries, *(rule["expr"] for rule in _rules())]
    named = set().union(*map(_named, expressions))
    assert named <= _exposed()
    assert len(named) > 15
    assert all(panel["title"] and panel["description"] for panel in dashboard["panels"])
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


def test_the_dashboard_is_readable_with_two_hundred_apps() -> None:
    """Its queries by app, or by route, keep to the apps that are chosen, and show the highest only."""
    dashboard = json.loads(_DASHBOARD.read_text())
    assert "app" in {variable["name"] for variable in dashboard["templating"]["list"]}
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    by_app = [query for query in queries if re.search(r"by \([^)]*\bapp\b", query)]
    assert len(by_app) >= 4
    assert all('app=~"$app"' in query and re.match(r"(top|bottom)k\(10, ", query) for query in by_app)
    many = [query for query in queries if re.search(r"by \([^)]*\b(app|route|source)\b", query)]
    assert all(re.match(r"(top|bottom)k\(10, ", query) for query in many)


@pytest.mark.usefixtures("prometheus")
async def test_a_real_prometheus_scrapes_a_real_server(tmp_path: Path) -> None:
    async with serving(tmp_path, 2) as server, ClientSession() as session:
        async with session.get(f"{server.admin}/metrics") as answer:
            text = await answer.text()
        await asyncio.to_thread(_promtool, "check", "metrics", text=text)
        file, url = tmp_path / "prometheus.yml", f"127.0.0.1:{free_port()}"
        file.write_text(_SCRAPE.format(alerts=_ALERTS, target=server.admin.removeprefix("http://")))
        with (tmp_path / "prometheus.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *("prometheus", f"--config.file={file}", f"--web.listen-address={url}"),
                f"--storage.tsdb.path={tmp_path / 'data'}",
                stdout=log,
                stderr=log,
            )
        try:
            assert await _asked(session, url, "sum(tokend_workers)") == "2"
            assert await _asked(session, url, 'up{job="tokend"}') == "1"
            for expression in (panel["expr"] for panel in _targets()):
                async with session.get(f"http://{url}/api/v1/query", params={"query": expression}) as answer:
                    assert answer.status == 200, expression
            async with session.get(f"http://{url}/api/v1/rules") as answer:
                rules = (await answer.json())["data"]["groups"][0]["rules"]
            assert {(one["name"], one.get("lastError")) for one in rules} == {(one["alert"], None) for one in _rules()}
            # until the first scrape there is no instance
            assert {one["name"] for one in rules if one["state"] != "inactive"} <= {"TokendAbsent"}
        finally:
            process.terminate()
            await process.wait()


def _targets() -> list[dict[str, str]]:
    """The dashboard's queries, as Grafana would send them."""
    text = _DASHBOARD.read_text()
    for name, value in (("$__rate_interval", "1m"), ("$job", "tokend"), ("$instance", ".*"), ("$app", ".*")):
        text = text.replace(name, value)
    return [target for panel in json.loads(text)["panels"] for target in panel["targets"]]


async def _asked(session: ClientSession, url: str, query: str) -> str:
    """A query's one value, as soon as there is one."""
    for pause in waits():
        try:
            async with session.get(f"http://{url}/api/v1/query", params={"query": query}) as answer:
                result = (await answer.json())["data"]["result"] if answer.status == 200 else []
        except OSError:
            result = []
        if result:
            return str(result[0]["value"][1])
        await asyncio.sleep(pause)
    raise AssertionError(f"prometheus never answered {query}")
