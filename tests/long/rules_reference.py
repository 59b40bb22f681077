"""P5: the rules say what a naive model of them says, which was written apart from them and shares no line.

Random rules, callers with claims and restrictions, and asks, out of tests/unit/core/random_rules.py.
`SOAK_TRIPLES=100000` runs fewer.
"""

import multiprocessing
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import asdict

from tests.long.report import Report
from tests.long.sizes import amount
from tests.unit.core.random_rules import ASKS, BOUNDS, CLAIMS, NARROWING, RULE, app_of, caller_of, permit_of, told
from tests.unit.core.reference_rules import Granted, verdict
from tokend.core.model import TokenRequest

FULL: Final = 1_000_000
PROCESSES: Final = 2
ASKS_EACH: Final = 4
"""Of one app and caller."""
TEXTS: Final = ("room", "room-1", "acme-1", "axb", "ab", "ann", "7", "u1", "", "*", "a*b", "0", "room-*")


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
    triples = amount("SOAK_TRIPLES", FULL)
    begun = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        found = pool.map(compared, [Part(seed, triples // PROCESSES) for seed in range(PROCESSES)])
    tried, permitted = sum(one.tried for one in found), sum(one.permitted for one in found)
    different = [text for one in found for text in one.different]
    report.figure("rules, caller and ask", f"{tried:,}, {tried / (time.monotonic() - begun):,.0f} a second")
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
    chance = random.Random(part.seed)
    tried = permitted = 0
    different: list[str] = []
    while tried < part.triples:
        rules = [one_of_each(chance, RULE) for _ in range(chance.choice((1, 1, 2, 3)))]
        restrictions = [one_of_each(chance, NARROWING) for _ in range(chance.choice((0, 0, 0, 1, 2)))]
        claims = {key: chance.choice(values) for key, values in CLAIMS.items() if chance.random() < 0.8}
        of, caller = app_of(rules), caller_of(claims, restrictions)
        for _ in range(ASKS_EACH):
            token_request = random_ask(chance)
            wanted: Granted | None = verdict(rules, claims, asdict(token_request), BOUNDS, restrictions)
            got = told(permit_of(of, caller, token_request))
            tried += 1
            permitted += got is not None
            if got != wanted:
                different.append(
                    f"{rules} {restrictions} {claims} {token_request}: {got}, the naive model says {wanted}"
                )
    return Match(tried, permitted, different)


def one_of_each(chance: random.Random, values: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {key: chance.choice(several) for key, several in values.items()}


def random_ask(chance: random.Random) -> TokenRequest:
    """Half of them out of the tests' list, half put together at random, right or wrong."""
    if chance.random() < 0.5:
        return chance.choice(ASKS)
    kind = chance.choice(("rtc", "rtm", "chat"))
    fields: dict[str, Any] = {}
    if kind == "rtc":
        fields["channel"] = chance.choice(TEXTS)
        fields |= chance.choice(({}, {"uid": chance.choice((0, 1, 7))}, {"account": chance.choice(TEXTS)}))
        privileges = {name: chance.choice((60, 301, 3600)) for name in chance.sample(("join", "audio", "data"), 2)}
        fields |= chance.choice(({}, {"role": "publisher"}, {"role": "subscriber"}, {"privileges": privileges}))
    elif kind == "rtm":
        fields = {"user": chance.choice(("ann", "7", "u1", "*", "u*"))} if chance.random() < 0.8 else {}
        fields |= chance.choice(({}, {"channel": chance.choice(("room", "room-1", "acme-1", "*"))}))
        fields |= chance.choice(({}, {"role": "subscriber"}, {"role": "publisher"}))
    else:
        fields = chance.choice(({"user": "ann"}, {"user": "7"}, {}, {"app": True}, {"app": True, "user": "7"}))
    return TokenRequest(kind, fields, chance.choice((None, None, None, None, 59, 60, 60, 300, 301, 3600, 3601)))
