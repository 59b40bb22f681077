"""P5: the rules say what a naive model of them says, which was written apart from them and shares no line.

Random rules, callers with claims and restrictions, and requests, out of tests/unit/core/random_rules.py.
`PROOF_TRIPLES=100000` runs fewer.
"""

import multiprocessing
import random
import time
from typing import Final, NamedTuple

from msgspec.structs import asdict

from tests.long.report import Report
from tests.long.sizes import amount
from tests.unit.core.random_rules import (
    BOUNDS,
    CLAIMS,
    RESTRICTION,
    RULE,
    app_of,
    as_reference,
    caller_of,
    choices,
    permit_of,
    random_request,
)
from tests.unit.core.reference_rules import Granted, verdict

FULL: Final = 1_000_000
PROCESSES: Final = 2
REQUESTS_EACH: Final = 4
"""Of one app and caller."""


class Part(NamedTuple):
    """What one process does."""

    seed: int
    triples: int


class Match(NamedTuple):
    """How many were tried and permitted, and those of which the two think differently."""

    tried: int
    permitted: int
    different: list[str]


def run(report: Report) -> None:
    triples = amount("PROOF_TRIPLES", FULL)
    begun = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        found = pool.map(compared, [Part(seed, triples // PROCESSES) for seed in range(PROCESSES)])
    tried, permitted = sum(match.tried for match in found), sum(match.permitted for match in found)
    different = [text for match in found for text in match.different]
    report.figure("rules, caller and request", f"{tried:,}, {tried / (time.monotonic() - begun):,.0f} a second")
    report.bar(
        "permitted",
        f"{permitted / tried:.0%}",
        "at least 5 %, so that both are tried",
        held=permitted / tried >= 0.05,
    )
    for text in different[:5]:
        report.detail("different", text)
    report.bar("verdicts that differ", len(different), "0", held=not different)


def compared(part: Part) -> Match:
    """The same ones for the same seed."""
    source = random.Random(part.seed)
    tried = permitted = 0
    different: list[str] = []
    while tried < part.triples:
        rules = [choices(source, RULE) for _ in range(source.choice((1, 1, 2, 3)))]
        restrictions = [choices(source, RESTRICTION) for _ in range(source.choice((0, 0, 0, 0, 1, 2)))]
        claims = {key: source.choice(values) for key, values in CLAIMS.items() if source.random() < 0.8}
        of, caller = app_of(rules), caller_of(claims, restrictions)
        for _ in range(REQUESTS_EACH):
            token_request = random_request(source)
            expected: Granted | None = verdict(rules, claims, asdict(token_request), BOUNDS, restrictions)
            got = as_reference(permit_of(of, caller, token_request))
            tried += 1
            permitted += got is not None
            if got != expected:
                different.append(
                    f"{rules} {restrictions} {claims} {token_request}: {got}, the naive model says {expected}"
                )
    return Match(tried, permitted, different)
