"""The numbers of the plots, computed in Chromium by the console's own module from samples that a server could send."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.system.console.operator_page import OperatorPage, operated, operator_page

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("console")]

_BOUNDS: Final = ("0.01", "0.1", "1.0", "+Inf")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OperatorPage]:
    directory: Path = tmp_path_factory.mktemp("series")
    async with operated(directory) as server, operator_page(browser, server.admin, "Deny list") as found:
        yield found


async def _computed(page: OperatorPage, expression: str, samples: list[dict[str, Any]]) -> Any:
    """The value of an expression over `series`, the module, and `samples`."""
    program = f"async (samples) => {{ const series = await import('/console/series.js'); return {expression}; }}"
    return await page.page.evaluate(program, samples)


def _samples(name: str, *counts: float | None, every: float = 10) -> list[dict[str, Any]]:
    return [
        {"time": 1_000 + index * every, "values": {} if count is None else {name: count}}
        for index, count in enumerate(counts)
    ]


def _latencies(*counts: tuple[int, ...]) -> list[dict[str, Any]]:
    return [
        {
            "time": 1_000 + index * 10,
            "values": {f"seconds|{bound}": count for bound, count in zip(_BOUNDS, row, strict=True)},
        }
        for index, row in enumerate(counts)
    ]


async def test_a_rate_is_the_increase_over_the_seconds_between_samples(page: OperatorPage) -> None:
    samples = _samples("requests|2xx", None, 5, 25)
    found = await _computed(page, "series.rate(samples, 'requests|2xx', 1)", samples)
    assert found == [{"time": 1_010, "value": 0.5}, {"time": 1_020, "value": 2}]
    found = await _computed(page, "series.rate(samples, 'requests|2xx', 60)", samples)
    assert [point["value"] for point in found] == [30, 120]


async def test_after_a_restart_no_rate_is_negative(page: OperatorPage) -> None:
    samples = _samples("requests|2xx", 100, 110, 0, 4)
    found = await _computed(page, "series.rate(samples, 'requests|2xx', 1)", samples)
    assert [point["value"] for point in found] == [1, 0, 0.4]
    assert await _computed(page, "series.total(samples, 'requests|2xx')", samples) == 14
    grown = await _computed(page, "series.growth(samples, 'requests|2xx')", samples)
    assert [point["value"] for point in grown] == [0, 10, 10, 14]


async def test_two_samples_of_the_same_time_have_no_rate(page: OperatorPage) -> None:
    samples = _samples("requests|2xx", 1, 2, every=0)
    assert await _computed(page, "series.rate(samples, 'requests|2xx', 1)", samples) == [{"time": 1_000, "value": None}]


async def test_a_gauge_that_is_missing_is_not_zero(page: OperatorPage) -> None:
    found = await _computed(page, "series.gauge(samples, 'workers')", _samples("workers", 2, None, 1))
    assert [point["value"] for point in found] == [2, None, 1]


async def test_labels_are_those_of_all_samples(page: OperatorPage) -> None:
    samples = [*_samples("issued|rtm", 1), *_samples("issued|chat", 1), *_samples("issue", 1)]
    assert await _computed(page, "series.labelsOf(samples, 'issued')", samples) == ["chat", "rtm"]


@pytest.mark.parametrize(
    ("row", "share", "seconds"),
    [
        ((10, 10, 10, 10), 0.5, 0.005),  # in the middle of the first bucket
        ((0, 10, 10, 10), 0.5, 0.055),  # 0.01 + 0.09 * 5 / 10
        ((50, 99, 100, 100), 0.99, 0.1),
        ((0, 0, 0, 10), 0.5, 1.0),  # slower than the last finite bound: that bound, as Prometheus has it
        ((0, 0, 0, 0), 0.5, None),
    ],
)
async def test_quantiles_are_those_of_prometheus(
    page: OperatorPage, row: tuple[int, ...], share: float, seconds: float | None
) -> None:
    samples = _latencies((0, 0, 0, 0), row)
    assert await _computed(page, f"series.quantileOfAll(samples, {share})", samples) == pytest.approx(seconds)
    found = await _computed(page, f"series.quantile(samples, {share})", samples)
    assert [point["value"] for point in found] == [pytest.approx(seconds)]


async def test_a_quantile_is_of_the_minute_before_and_survives_a_restart(page: OperatorPage) -> None:
    slow, fast = (0, 0, 10, 10), (10, 10, 20, 20)
    samples = _latencies((0, 0, 0, 0), slow, *[slow] * 6, fast)
    found = [point["value"] for point in await _computed(page, "series.quantile(samples, 0.5)", samples)]
    assert found[0] == pytest.approx(0.55)
    assert found[6] is None  # a minute without a request
    assert found[7] == pytest.approx(0.005)
    restarted = _latencies((500, 500, 500, 500), (0, 10, 10, 10))
    assert [point["value"] for point in await _computed(page, "series.quantile(samples, 0.5)", restarted)] == [
        pytest.approx(0.055)
    ]
