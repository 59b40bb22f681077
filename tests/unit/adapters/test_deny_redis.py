"""The deny list in Redis, without a Redis: how looking at it ends."""

import asyncio
import io
import time
from collections.abc import Sequence

import pytest

from tokend.adapters import deny_redis
from tokend.adapters.deny_redis import DenyRedis
from tokend.adapters.redis_client import Client
from tokend.core.secrets import Secret
from tokend.telemetry.log import JsonLog


async def test_it_closes_although_the_library_swallows_the_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose Redis had just been lost did not end on SIGTERM: it waited for the next looks at the list, for ever."""
    called = asyncio.Event()

    async def script(keys: Sequence[object], arguments: Sequence[object]) -> list[bytes]:
        if called.is_set():
            return await asyncio.Future()
        called.set()
        try:
            return await asyncio.Future()
        except asyncio.CancelledError:
            raise ConnectionError from None

    async def nothing() -> None:
        pass

    client = Client(script, nothing, nothing)  # type: ignore[arg-type]  # what the deny list calls of it
    monkeypatch.setattr(deny_redis, "client_of", lambda *_: client)
    watched = DenyRedis(Secret("redis://127.0.0.1"), JsonLog(io.BytesIO(), time.time), time.time, time.monotonic)
    watched.start()
    await called.wait()
    await asyncio.wait_for(watched.close(), 10)
