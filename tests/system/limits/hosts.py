"""Hosts that share one Redis: servers in this process, each with a limiter of its own."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.unit.http.running import APP_ID, KEY, NOW, WORLD, Running, configuration_of, serving
from tests.unit.http.wire import Reply
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.adapters.redis_limiter import RedisLimiter
from tokend.auth.key_digests import digest_of
from tokend.core.interfaces import Interfaces
from tokend.core.secrets import Secret
from tokend.issuing.server_settings import RedisSettings
from tokend.telemetry.log import JsonLog

PATIENT: Final = 5.0
"""Seconds that a call may take where no failure is wanted, however busy the machine is."""


class Clock:
    """Seconds that go where they are told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Host:
    """A server, the clock of its limiter, and what the limiter logs."""

    def __init__(self, server: Running, limiter: RedisLimiter, clock: Clock, log: io.BytesIO) -> None:
        self.server = server
        self.limiter = limiter
        self.clock = clock
        self._log = log

    async def token_request(self, app: str = "demo") -> Reply:
        body: dict[str, Any] = {"kind": "rtm", "user": "ada"}
        return await self.server.token_request("POST", f"/{app}/v1/token", body, ("X-API-Key", KEY))

    async def statuses(self, count: int, app: str = "demo") -> list[int]:
        """One after the other."""
        return [(await self.token_request(app)).status for _ in range(count)]

    @property
    def log(self) -> str:
        return self._log.getvalue().decode()


def config(app: str, limits: str) -> str:
    """Two apps, one of them without limits."""
    return f"""
defaults:
  app_id: "{APP_ID}"
  certificate: {{env: CERTIFICATE}}
  callers: {{studio: {{api_key: "{digest_of(KEY)}"}}}}
apps:
  {app}: {{limits: {limits}}}
  free: {{}}
"""


@asynccontextmanager
async def host(
    url: str,
    limits: str,
    on_failure: str = "closed",
    app: str = "demo",
    call_seconds: float = PATIENT,
) -> AsyncIterator[Host]:
    clock, stream = Clock(), io.BytesIO()
    log = JsonLog(stream, lambda: NOW)
    limiter = RedisLimiter(
        RedisSettings.model_validate({"url": Secret(url), "on_failure": on_failure}),
        log,
        clock,
        LocalLimiter(clock),
        call_seconds,
    )
    try:
        async with serving(configuration_of(config(app, limits)), WORLD, Interfaces(limiter=limiter)) as server:
            yield Host(server, limiter, clock, stream)
    finally:
        await limiter.close()
