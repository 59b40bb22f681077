"""Metrics of thousands of apps are summed and written beside the requests, not between them."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tokend
from tests.conftest import ClientFixture
from tests.unit.config.writing import ENVIRONMENT, ONE_APP, write
from tokend.http import admin, history, operated
from tokend.telemetry.metrics import NOTHING, Snapshot


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> dict[str, threading.Thread]:
    """The thread of each step, by the name of its function."""
    found: dict[str, threading.Thread] = {}

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            found[name] = threading.current_thread()
            return function(*arguments)

        return run

    for module, name in ((admin, "exposition"), (operated, "merged"), (history, "sample_of")):
        monkeypatch.setattr(module, name, noted(name, getattr(module, name)))
    return found


async def test_metrics_are_not_written_in_the_thread_of_the_requests(
    tmp_path: Path, aiohttp_client: ClientFixture, threads: dict[str, threading.Thread]
) -> None:
    """Each look at `/metrics` of 3,000 apps held up every request of a server with one process for a second."""
    write(tmp_path, {"config.yaml": ONE_APP})
    app = tokend.create_app(tmp_path / "config.yaml", environ=ENVIRONMENT)
    await aiohttp_client(app)
    client = await aiohttp_client(tokend.create_admin_app(app))
    assert (await client.get("/metrics")).status == 200
    assert threads.keys() == {"exposition", "merged"}
    assert threading.main_thread() not in threads.values()


async def test_samples_for_the_console_are_not_summed_in_the_thread_of_the_requests(
    threads: dict[str, threading.Thread],
) -> None:
    async def snapshot() -> Snapshot:
        return NOTHING

    await history.History(snapshot, lambda: 0.0).take()
    assert threads["sample_of"] is not threading.main_thread()
