"""P15: an identity provider that is down for an hour, second by second on a clock that is set: known keys keep working.

Unknown ones, which may be new, get 503; so does everything a day later.
"""

import asyncio
from typing import Final

from tests.long.report import Report
from tests.unit.auth.jwt.making import good, jwk
from tests.unit.auth.jwt.test_changing_keys import having, status, trusting
from tokend.adapters.jwks import COOL_DOWN, STALE

HOUR: Final = 3_600


def run(report: Report) -> None:
    known, unknown, late, after = asyncio.run(_hour())
    share = sum(one == 200 for one in known) / len(known)
    report.bar("known keys while it is down", f"{share:.2%} of {len(known):,}", "100 %", held=share == 1.0)
    report.bar("unknown keys meanwhile", sorted(set(unknown)), "[503]", held=set(unknown) == {503})
    report.bar("known keys after a day", late, "503", held=late == 503)
    report.bar("known and new keys once it is back", after, "[200, 200]", held=after == [200, 200])


async def _hour() -> tuple[list[int], list[int], int, list[int]]:
    provider = having(jwk("ec"))
    async with trusting(provider) as server:
        assert await status(server, good("ec")) == 200
        provider.error = TimeoutError()
        provider.now = COOL_DOWN
        known, unknown = [], []
        for _ in range(HOUR):
            provider.now += 1
            known.append(await status(server, good("ec")))
            unknown.append(await status(server, good("ec-new")))
        provider.now = STALE
        late = await status(server, good("ec"))
        provider.error, provider.keys = None, [jwk("ec-new"), jwk("ec")]
        provider.now += COOL_DOWN
        return known, unknown, late, [await status(server, good(one)) for one in ("ec-new", "ec")]
