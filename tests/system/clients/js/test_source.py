"""`tokenSource` of the JavaScript client in node, against an application with the simulated time of the client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.system.clients.js.node import need_node, run_tests
from tests.unit.http.running import APP_ID, KEY, NOW, Serving, World
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.auth.key_digests import digest_of
from tokend.core.interfaces import Interfaces

ANYBODY: Final = '{anybody: {anonymous: true, rules: [{kinds: [rtc, rtm, chat], channel: "demo-*", user: "*"}]}}'
YAML: Final = f"""
defaults:
  app_id: "{APP_ID}"
  certificate: {{env: CERTIFICATE}}
  ttl: {{default: 90s, min: 30s, max: 1h}}
apps:
  demo: {{callers: {ANYBODY}}}
  limited: {{limits: {{caller: 6/m burst 1}}, callers: {ANYBODY}}}
  closed: {{callers: {{studio: {{api_key: "{digest_of(KEY)}"}}}}}}
  connection:
    backends: {{pusher: {{keys: [{{key: 278d425bdf160c739803, secret: {{env: CERTIFICATE}}}}]}}}}
    callers:
      anybody: {{anonymous: true, rules: [{{channel: "private-*"}}]}}
"""


class SimulatedTime:
    """Unix seconds, which a client sets by POST."""

    def __init__(self) -> None:
        self.now = float(NOW)

    async def set(self, request: web.Request) -> web.Response:
        self.now = float(await request.text())
        return web.Response()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Where it is set."""
        app = web.Application()
        app.router.add_post("/", self.set)
        async with TestServer(app) as server:
            yield str(server.make_url("/"))


async def test_every_test_of_the_program_passes(serving: Serving) -> None:
    need_node()
    time = SimulatedTime()
    world = World(clock=lambda: time.now, elapsed=lambda: time.now)
    interfaces = Interfaces(limiter=LocalLimiter(world.elapsed))
    async with serving(YAML, world, interfaces) as server, time.served() as clock:
        url = f"http://127.0.0.1:{server.port}"
        passed = await run_tests("source.test.mjs", {"TOKEND": url, "CLOCK": clock, "API_KEY": KEY})
    assert passed > 30
