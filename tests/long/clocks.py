"""P27: clocks cannot be used against us. One server whose wall clock jumps anywhere between 1970 and 2106, and past it.

Each token must end at most the asked lifetime after the clock's own now; past what 32 bits hold nothing is issued.
"""

import asyncio
import random
from collections import Counter
from typing import Final

from msgspec.structs import replace

from tests.long.report import Report
from tests.long.sizes import amount
from tests.unit.http.running import WORLD, configuration_of, serving
from tests.unit.http.test_clock_jumps import CONFIG, KINDS, Clock, ends, token_request
from tokend.backends.agora.base import MAX_TTL
from tokend.issuing.issuer import LAST_ISSUE_TIME

ASKS: Final = 5_000
LANDMARKS: Final = (0, 2**31 - 1, 2**31, LAST_ISSUE_TIME - MAX_TTL, LAST_ISSUE_TIME, LAST_ISSUE_TIME + 1, 2**33)


def run(report: Report) -> None:
    seed = random.randrange(1 << 32)
    report.figure("seed of the jumps", seed)
    found = asyncio.run(_jump(random.Random(seed)))
    issued = found["issued"]
    report.figure("asks, the clock elsewhere at each", f"{sum(found.values()):,}, {issued:,} of them issued")
    report.bar("tokens that end at another time than asked", found["wrong"], "none", not found["wrong"])
    report.bar("tokens past what the format holds", found["wrapped"], "none", not found["wrapped"])
    report.bar("refusals within what it holds", found["refused"], "none", not found["refused"])


async def _jump(chance: random.Random) -> Counter[str]:
    found: Counter[str] = Counter()
    clock = Clock(0.0)
    async with serving(configuration_of(CONFIG), replace(WORLD, clock=clock)) as server:
        for _ in range(amount("PROOF_JUMPS", ASKS)):
            near = chance.choice(LANDMARKS) + chance.randint(-2 * MAX_TTL, 2 * MAX_TTL)
            now = chance.choice((near, chance.randrange(LAST_ISSUE_TIME)))
            version, ttl = chance.choice(list(KINDS)), chance.randint(60, MAX_TTL)
            clock.now = now
            reply = await token_request(server, version, ttl)
            held = 0 <= now <= LAST_ISSUE_TIME
            if reply.status == 200:
                right = ends(reply.json["token"]) == {now + ttl}
                found["issued" if held and right else "wrong" if held else "wrapped"] += 1
            else:
                found["refused" if held else "past it, refused"] += 1
    return found
