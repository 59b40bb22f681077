"""P16: a new key of a real identity provider (npm's oidc-provider) counts within 35 s, without a restart.

Meanwhile strangers send unknown keys, so that the provider has always just been asked.
"""

import asyncio
import time
from typing import Final

import aiohttp

from tests.long.report import Report
from tests.long.servers import serving
from tests.running import APP_ID
from tests.system.identity.provider import AUDIENCE, Provider, missing
from tests.unit.auth.jwt.making import good
from tests.unit.http.running import NOW

ROTATIONS: Final = 4
SETTLED: Final = 62.0
"""Seconds after the first token: until then discovery is among the two requests of a minute."""
BAR: Final = 35.0
EVERY: Final = 0.25
CONFIG: Final = """
apps:
  demo:
    app_id: "{app_id}"
    certificate: {{env: CERTIFICATE}}
    callers:
      web:
        jwt: {{issuer: "{issuer}", audience: "{audience}"}}
        rules: [{{user: "*"}}]
"""
_AUDIENCE: Final = f"{AUDIENCE}?alg=RS256"


def run(report: Report) -> None:
    if (unmet := missing()) is not None:
        report.bar("identity provider", unmet, "there", held=False)
        return
    waits, failures = asyncio.run(_rotations())
    report.figure("until a new key counted", ", ".join(f"{one:.1f} s" for one in waits))
    report.bar("the longest", f"{max(waits):.1f} s", f"at most {BAR:.0f} s", held=max(waits) <= BAR)
    report.bar("refusals of the old key meanwhile", failures, "0", held=failures == 0)


async def _rotations() -> tuple[list[float], int]:
    waits, failures = [], 0
    with Provider() as provider:
        provider.start("rsa-0")
        config = CONFIG.format(app_id=APP_ID, issuer=provider.issuer, audience=_AUDIENCE)
        async with serving(config) as server, aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
            old = provider.token()
            assert await _status(session, old) == 200
            await asyncio.sleep(SETTLED)
            strangers = asyncio.create_task(_strangers(session, provider.issuer))
            for number in range(1, ROTATIONS + 1):
                provider.start(f"rsa-{number}", f"rsa-{number - 1}")
                new, begun = provider.token(), time.monotonic()
                while await _status(session, new) != 200:
                    failures += await _status(session, old) != 200
                    await asyncio.sleep(EVERY)
                waits.append(time.monotonic() - begun)
                old = new
            strangers.cancel()
    return waits, failures


async def _strangers(session: aiohttp.ClientSession, issuer: str) -> None:
    token = good("rsa-stranger", iss=issuer, aud=_AUDIENCE, exp=NOW * 2)
    while True:
        assert await _status(session, token) in (401, 503)
        await asyncio.sleep(EVERY)


async def _status(session: aiohttp.ClientSession, token: str) -> int:
    token_request = {"kind": "rtc", "channel": "room", "uid": 7}
    async with session.post(
        "/demo/v1/token", json=token_request, headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        return answer.status
