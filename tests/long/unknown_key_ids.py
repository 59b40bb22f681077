"""P17: strangers send a real server 10,000 random key ids a minute; its identity provider is asked at most twice a minute."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import aiohttp
from aiohttp import web

from tests.long.key_rotation import CONFIG
from tests.long.report import Report
from tests.long.servers import serving
from tests.running import APP_ID
from tests.unit.auth.jwt.making import CLAIMS, jwk, raw
from tests.unit.http.running import NOW

MINUTES: Final = 3
A_MINUTE: Final = 10_000
AT_ONCE: Final = 200
_AUDIENCE: Final = "tokend"


def run(report: Report) -> None:
    at_once, sent, times = asyncio.run(_flood())
    most = max(sum(start <= one < start + 60 for one in times) for start in times)
    report.figure("unknown key ids", f"{sent:,} in {MINUTES} minutes")
    report.bar(f"requests after {AT_ONCE} unknown ids at once", at_once, "1 and discovery", held=at_once == 2)
    report.bar("requests in any minute", most, "at most 2", held=most <= 2)


@asynccontextmanager
async def _provider() -> AsyncIterator[tuple[str, list[float]]]:
    """Its issuer, and when it was asked."""
    times: list[float] = []
    issuer = ""

    async def answer(request: web.BaseRequest) -> web.Response:
        times.append(time.monotonic())
        if request.path == "/keys":
            return web.json_response({"keys": [jwk("ec")]})
        return web.json_response({"issuer": issuer, "jwks_uri": f"{issuer}/keys"})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield issuer, times
    finally:
        await runner.cleanup()


async def _flood() -> tuple[int, int, list[float]]:
    """Requests to the provider after the first burst; ids sent in all; when the provider was asked."""
    numbers = count()
    async with _provider() as (issuer, times):
        config = CONFIG.format(app_id=APP_ID, issuer=issuer, audience=_AUDIENCE)
        async with serving(config) as server, aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
            await asyncio.gather(*(_send(session, issuer, next(numbers)) for _ in range(AT_ONCE)))
            at_once = len(times)
            begun = time.monotonic()
            for number in range(MINUTES * A_MINUTE):
                await asyncio.sleep(begun + number * 60 / A_MINUTE - time.monotonic())
                await _send(session, issuer, next(numbers))
    return at_once, next(numbers), times


async def _send(session: aiohttp.ClientSession, issuer: str, number: int) -> None:
    claims = {**CLAIMS, "iss": issuer, "aud": _AUDIENCE, "exp": NOW * 2}
    token = raw({"alg": "ES256", "kid": f"random-{number}"}, claims, "ec")
    token_request = {"kind": "rtc", "channel": "room", "uid": 7}
    async with session.post(
        "/demo/v1/token", json=token_request, headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status == 401, answer.status
