"""A configuration that a reload replaced is not kept in memory after the next request."""

import asyncio
import gc
import io
import weakref
from pathlib import Path

import tokend
from tests.conftest import ClientFixture
from tests.unit.http.running import CERTIFICATE, DEMO, KEY, NOW
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
