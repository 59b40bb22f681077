"""Two hosts behind Caddy, as docs/scale-out.md writes it: a restart fails no request, and a 503 stays one."""

import asyncio
import re
from pathlib import Path
from typing import Final

from tests.needs import skip_or_fail
from tests.running import ROOT
from tests.system.deploy.clients import statuses
from tests.system.deploy.examples import MISSING, proxying
from tests.system.workers.serving import Running, serving, start

_PAGE: Final = (ROOT / "docs/scale-out.md").read_text()
(CHECKS,) = re.findall(r"^```caddyfile \S+\n(.*?)^```", _PAGE, re.M | re.S)
_GET: Final = "/demo/rtc/demo-room/publisher/uid/{uid}/"
_POST: Final = "/demo/v1/token"
_BODY: Final = {"kind": "rtc", "channel": "demo-room", "uid": 7}
_SERVER: Final = ", drain: 5s, trusted_proxies: 127.0.0.1"


async def _restart(host: Running) -> None:
    assert await host.stop() == 0
    await start(host)
    await host.ready()


async def test_a_restarted_host_fails_no_request_and_a_503_is_passed_on(tmp_path: Path) -> None:
    skip_or_fail(MISSING["caddy"]())
    for name in ("one", "two", "proxy"):
        (tmp_path / name).mkdir()
    async with serving(tmp_path / "one", 1, _SERVER) as one, serving(tmp_path / "two", 1, _SERVER) as two:
        one.write("demo-*", more="  broken: {app_id: short}\n")
        assert (await one.reload())[1]["result"] == "done"
        with proxying("caddy", tmp_path / "proxy", one.port, CHECKS, also=f"127.0.0.1:{two.port}") as proxy:
            # the other host has no such app
            assert set(await statuses(proxy.url + "/broken/v1/token", 40, tls=proxy.tls, body=_BODY)) == {404, 503}
            restarted = asyncio.create_task(_restart(one))
            while not restarted.done():
                for url, body in ((_GET, None), (_POST, _BODY)):
                    assert await statuses(proxy.url + url, 50, tls=proxy.tls, body=body) == {200: 50}
            await restarted
