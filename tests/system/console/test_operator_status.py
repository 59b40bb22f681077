"""The tab Status: what it shows is what `/metrics` says, and the failures are those of the server."""

import asyncio
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser

from tests.running import ADMIN
from tests.system.console.operator_page import OperatorPage, operated, operator_page
from tests.system.workers.load import waits
from tests.system.workers.serving import Running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]

_REQUEST: Final = {"kind": "rtc", "channel": "demo-room", "uid": 7, "role": "subscriber"}
_CHAT: Final = {"kind": "rtm", "user": "ann"}
_DENIED: Final = {**_REQUEST, "channel": "secret-room"}
_INVALID: Final = {"kind": "rtc", "channel": 7}
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


async def _send(server: Running, *bodies: object) -> None:
    async with ClientSession(server.url) as client:
        for body in bodies:
            async with client.post("/demo/v1/token", json=body) as answer:
                await answer.read()


async def _legend(page: OperatorPage, title: str) -> dict[str, str]:
    """What a plot's legend says of the hour, by series."""
    table = page.page.get_by_role("table", name=re.compile(f"^{title} "))
    rows = await table.locator("tbody tr").all()
    found = [[await cell.inner_text() for cell in await row.locator("th, td").all()] for row in rows]
    return {cells[0]: cells[-1] for cells in found}


def _sums(metrics: dict[str, float], family: str, label: str) -> dict[str, float]:
    """The values of a family summed by a label."""
    sums: dict[str, float] = {}
    for name, value in metrics.items():
        if name.partition("{")[0] == family:
            key = dict(_LABEL.findall(name))[label]
            sums[key] = sums.get(key, 0) + value
    return sums


def _quantile(buckets: dict[str, float], share: float) -> float:
    """As Prometheus' `histogram_quantile` has it, in seconds."""
    counts = sorted((float(bound.replace("+Inf", "inf")), count) for bound, count in buckets.items())
    rank = share * counts[-1][1]
    for (lower, below), (upper, count) in pairwise([(0.0, 0.0), *counts]):
        if count >= rank:
            return lower if upper == float("inf") else lower + (upper - lower) * (rank - below) / (count - below)
    raise AssertionError("no request was counted")


def _of_three_digits(number: float) -> float:
    return float(f"{number:.3g}")


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_plots_show_what_the_metrics_say(browser: Browser, workers: int, tmp_path: Path) -> None:
    async with operated(tmp_path, workers) as server, operator_page(browser, server.admin, "Status") as page:
        (tmp_path / "deny.jsonl").write_text('{"user": "bob"}\n{"user": "eve", "app": "demo"}\n')
        await _send(server, *[_REQUEST] * 12, *[_CHAT] * 5, *[_DENIED] * 4, *[_INVALID] * 3)
        # the next sample of the server, and then the next poll of the page
        requests = page.page.get_by_role("img", name=re.compile("^Requests,"))
        await page.page.wait_for_function(
            "() => [...document.querySelectorAll('.plot-legend')].some("
            "  (table) => table.textContent.startsWith('SeriesNowIn the hour2xx') && table.textContent.includes('17'))",
            timeout=60_000,
        )
        metrics = await server.metrics()
        by_status = _sums(metrics, "tokend_requests_total", "status")
        assert by_status == {"200": 17, "403": 4, "422": 3} or by_status == {"200": 17, "403": 4, "400": 3}
        assert await _legend(page, "Requests") == {"2xx": "17", "4xx": "7", "5xx": "0"}
        issued, refused = await _legend(page, "Tokens"), await _legend(page, "Refusals")
        decisions = [
            (dict(_LABEL.findall(name)), value)
            for name, value in metrics.items()
            if name.startswith("tokend_decisions_total")
        ]
        assert issued == {
            labels["kind"]: f"{value:.0f}" for labels, value in decisions if labels["outcome"] == "issued"
        }
        assert issued == {"rtc": "12", "rtm": "5"}
        assert refused == {labels["code"]: f"{value:.0f}" for labels, value in decisions if labels["code"] != "ok"}
        audit = _sums(metrics, "tokend_audit_records_total", "result")
        assert await _legend(page, "Audit") == {"ok": f"{audit['ok']:.0f}", "failed": f"{audit.get('failed', 0):.0f}"}
        limits = _sums(metrics, "tokend_limiter_calls_total", "result")
        assert await _legend(page, "Rate limits") == {
            result: f"{limits.get(result, 0):.0f}" for result in ("admitted", "limited", "unavailable")
        }
        deny = _sums(metrics, "tokend_deny_list_entries", "source")
        assert await _legend(page, "Deny list") == {source: f"{value:.0f}" for source, value in deny.items()}
        assert deny == {"file": 2}
        assert await _legend(page, "Workers") == {"workers": f"{metrics['tokend_workers']:.0f}"}
        events = await _legend(page, "Reloads and restarts")
        reloads = _sums(metrics, "tokend_reloads_total", "result")
        assert (events["reload done"], events["worker killed"]) == (f"{reloads['done']:.0f}", "0")
        latency = await _legend(page, "Latency")
        buckets = _sums(metrics, "tokend_request_seconds_bucket", "le")
        for name, share in (("median", 0.5), ("99th percentile", 0.99)):
            assert float(latency[name].replace(",", "")) == _of_three_digits(_quantile(buckets, share) * 1000)
        assert await requests.count() == 1


async def test_each_plot_has_a_sentence_and_a_table_of_its_numbers(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Status") as page:
        plots = page.page.locator(".plot")
        await page.page.get_by_role("img", name=re.compile("^Workers, processes, now: workers 1$")).wait_for()
        assert await plots.count() == 12
        memory = page.page.get_by_role("region", name=re.compile("^Memory "))
        head = memory.locator(".plot-legend th").nth(1)
        await memory.locator(".plot-drawing").hover()
        assert re.fullmatch(r"\d\d:\d\d:\d\d", await head.inner_text())  # the time under the pointer
        await page.page.mouse.move(0, 0)
        assert await head.inner_text() == "Now"
        await page.tab_to(memory.locator("summary"))
        await page.page.keyboard.press("Enter")
        numbers = memory.get_by_role("table", name=re.compile("the mean of every five minutes"))
        await numbers.wait_for()
        assert await numbers.locator("thead th").all_inner_texts() == ["Time", "resident"]
        (cell,) = await numbers.locator("tbody td").all()
        assert float((await cell.inner_text()).replace(",", "")) > 10


@pytest.mark.parametrize("workers", [1, 2])
async def test_failures_are_shown_with_their_reasons(browser: Browser, workers: int, tmp_path: Path) -> None:
    async with operated(tmp_path, workers) as server:
        await _send(server, _DENIED)
        failure = await _failure(server)
        async with operator_page(browser, server.admin, "Status") as page:
            row = page.page.get_by_role("row", name=re.compile(failure["request_id"]))
            await row.wait_for()
            cells = await row.get_by_role("cell").all_inner_texts()
            assert cells[1:] == ["403", "not_permitted", "demo", "rtc", "any", "/demo/v1/token", failure["request_id"]]
            assert re.fullmatch(r"\d\d:\d\d:\d\d", cells[0])
            await page.page.get_by_text("server: {admin: {details: true}}").wait_for()
            assert await page.page.get_by_role("columnheader", name="Detail").count() == 0


async def test_the_sentences_of_failures_are_shown_as_text_where_they_are_kept(
    browser: Browser, tmp_path: Path
) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Deny list") as page:
        sentence = "channel <img src=x onerror=alert(1)> is not allowed"
        failure = {"time": 1_800_000_000, "app": "demo", "route": "/demo/v1/token", "kind": "rtc", "caller": None}
        failure |= {"code": "not_permitted", "status": 403, "request_id": "ab", "detail": sentence}
        answer = json.dumps({"details": True, "failures": [failure]})
        await page.page.route(
            "**/-/failures", lambda route: route.fulfill(body=answer, content_type="application/json")
        )
        await page.choose("Status")
        cell = page.page.get_by_role("cell", name=sentence)
        await cell.wait_for()
        assert await cell.inner_text() == sentence
        assert await page.page.locator("main img").count() == 0
        await page.page.get_by_text("may hold ids").wait_for()


async def _failure(server: Running) -> dict[str, Any]:
    """The failure that the server has noted."""
    async with ClientSession(server.admin, headers=ADMIN) as operator:
        for pause in waits():
            async with operator.get("/-/failures") as answer:
                failures: list[dict[str, Any]] = (await answer.json())["failures"]
            if failures:
                return failures[0]
            await asyncio.sleep(pause)
    raise AssertionError("the server noted no failure")


async def test_nothing_is_requested_while_nobody_sees_the_tab(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Status") as page:
        requested: list[str] = []
        page.page.on("request", lambda request: requested.append(request.url))
        await page.page.get_by_text("Measured at").wait_for()

        async def becomes(hidden: bool) -> None:
            await page.page.evaluate(
                "(hidden) => { Object.defineProperty(document, 'hidden', {configurable: true, value: hidden});"
                " document.dispatchEvent(new Event('visibilitychange')); }",
                hidden,
            )

        await becomes(True)
        requested.clear()  # the timer may have ended just before the tab was hidden
        await becomes(True)
        assert requested == []
        async with page.page.expect_response("**/-/history"):
            await becomes(False)
        await page.press("Pause")
        await page.page.wait_for_load_state("networkidle")
        requested.clear()
        await becomes(False)
        assert requested == []
        await page.press("Pause")
        async with page.page.expect_response("**/-/history"):
            await becomes(False)
        await page.choose("Deny list")
        # the page hears that the tab's panel is out of sight after the next picture
        await page.page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
        )
        requested.clear()
        await becomes(False)
        assert [url for url in requested if "history" in url] == []


async def test_a_server_that_does_not_answer_is_said_and_the_plots_stay(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server, operator_page(browser, server.admin, "Status") as page:
        await page.page.get_by_text("Measured at").wait_for()
        await server.stop()
        await page.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        alert = page.page.get_by_role("alert")
        await alert.wait_for()
        assert "does not answer" in await alert.inner_text()
        assert await page.page.locator(".plot").count() == 12
        unexpected = [problem for problem in page.watched.problems if "ERR_CONNECTION_REFUSED" not in problem]
        assert unexpected == []
        page.watched.problems.clear()


async def test_a_count_is_shown_to_its_last_digit(browser: Browser, tmp_path: Path) -> None:
    async with operated(tmp_path) as server:
        lines = (json.dumps({"user": f"user-{number}"}) for number in range(1234))
        (tmp_path / "deny.jsonl").write_text("".join(f"{line}\n" for line in lines))
        async with operator_page(browser, server.admin, "Status") as page:
            legend = page.page.get_by_role("table", name=re.compile("^Deny list "))
            await legend.get_by_role("cell", name="1,234", exact=True).first.wait_for()
