"""A configuration that a reload replaced is not kept in memory after the next request."""

import asyncio
import gc
import io
import threading
import time
import weakref
from pathlib import Path

import pytest

import tokend
from tests.conftest import ClientFixture
from tests.unit.http.running import CERTIFICATE, DEMO, KEY, NOW
from tokend.adapters.deny_redis import DenyRedis
from tokend.http.connection_limiter import Deadlines
from tokend.http.control import CONTROL
from tokend.telemetry.log import JsonLog


async def test_a_replaced_configuration_is_gone_after_the_reload(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    """A timer of 31 seconds held each one, and the first stayed for ever. 10,000 apps take a while to be let go."""
    path = tmp_path / "config.yaml"
    path.write_text(DEMO)
    log = JsonLog(io.BytesIO(), lambda: NOW)
    app = tokend.create_app(path, environ={"CERTIFICATE": CERTIFICATE}, log=log)
    client = await aiohttp_client(app)
    replaced = []
    for number in range(3):
        replaced.append(weakref.ref(app[CONTROL].active.table))
        path.write_text(f"{DEMO}    ttl: {{max: {number + 1}h}}\n")
        assert (await app[CONTROL].reload()).result == "done"
        assert (await client.get("/demo/rtc/room/publisher/uid/7/", headers={"X-API-Key": KEY})).status == 200
        gc.collect()
        assert [table() for table in replaced] == [None] * len(replaced)


async def test_the_apps_of_a_replaced_configuration_are_freed(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    """A moment later, in a thread: thousands at once would stop the event loop for 0.1 s. Apps that stay are not among them."""
    path = tmp_path / "config.yaml"
    path.write_text(DEMO + DEMO.partition("apps:\n")[2].replace("demo:", "other:"))
    app = tokend.create_app(path, environ={"CERTIFICATE": CERTIFICATE}, log=JsonLog(io.BytesIO(), lambda: NOW))
    client = await aiohttp_client(app)
    apps = app[CONTROL].active.configuration.apps
    kept, replaced = (weakref.ref(apps[name].backends["rtc"]) for name in ("demo", "other"))
    del apps
    path.write_text(f"{path.read_text()}    ttl: {{max: 1h}}\n")
    assert (await app[CONTROL].reload()).result == "done"
    assert (await client.get("/demo/rtc/room/publisher/uid/7/", headers={"X-API-Key": KEY})).status == 200
    for _ in range(100):
        if replaced() is None:
            break
        await asyncio.sleep(0.1)
    assert replaced() is None
    assert kept() is app[CONTROL].active.configuration.apps["demo"].backends["rtc"]


_REDIS = "deny: {redis: true}\nredis: {url: {env: REDIS_URL}}\n"


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a Redis that never answers."""

    async def never(self: DenyRedis) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(DenyRedis, "check", never)
    return "redis://127.0.0.1:9/0"


def _watchers() -> int:
    """How many sources of a deny list are looked at."""
    tasks = [task for task in asyncio.all_tasks() if "DenyRedis._watch" in repr(task)]
    return len(tasks) + sum(thread.name == "deny-list" for thread in threading.enumerate())


async def _all_end(before: int) -> bool:
    for _ in range(100):
        if _watchers() <= before:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_refused_reload_leaves_no_deny_list_behind(tmp_path: Path, aiohttp_client: ClientFixture) -> None:
    path, before = tmp_path / "config.yaml", _watchers()
    path.write_text(DEMO)
    app = tokend.create_app(path, environ={"CERTIFICATE": CERTIFICATE}, log=JsonLog(io.BytesIO(), lambda: NOW))
    app[CONTROL].deadlines = Deadlines(answer=-1.0)
    await aiohttp_client(app)
    (tmp_path / "deny.jsonl").write_text("")
    missing = "audit: {to: {file: missing/audit.jsonl}}\n"
    path.write_text(f"deny: {{file: deny.jsonl}}\n{missing}{DEMO}")
    assert "the audit file cannot be opened" in (await app[CONTROL].reload()).problems[0]
    assert await _all_end(before)


async def test_a_cancelled_reload_leaves_no_deny_list_behind(
    tmp_path: Path, aiohttp_client: ClientFixture, hanging: str
) -> None:
    path, before = tmp_path / "config.yaml", _watchers()
    path.write_text(DEMO)
    environment = {"CERTIFICATE": CERTIFICATE, "REDIS_URL": hanging}
    app = tokend.create_app(path, environ=environment, log=JsonLog(io.BytesIO(), lambda: NOW))
    app[CONTROL].deadlines = Deadlines(answer=-1.0)
    await aiohttp_client(app)
    path.write_text(_REDIS + DEMO)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(app[CONTROL].reload(), 0.5)
    assert await _all_end(before)


async def test_a_reload_does_not_wait_for_the_deny_list_that_is_in_force(
    tmp_path: Path, aiohttp_client: ClientFixture, hanging: str
) -> None:
    """It waited twice for a second: for the list of each of the two configurations."""
    path = tmp_path / "config.yaml"
    path.write_text(_REDIS + DEMO)
    environment = {"CERTIFICATE": CERTIFICATE, "REDIS_URL": hanging}
    app = tokend.create_app(path, environ=environment, log=JsonLog(io.BytesIO(), lambda: NOW))
    await aiohttp_client(app)
    path.write_text(f"{_REDIS}{DEMO}    ttl: {{max: 1h}}\n")
    begun = time.monotonic()
    assert (await app[CONTROL].reload()).result == "done"
    assert time.monotonic() - begun < 0.9
