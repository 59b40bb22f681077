"""P4: the vendor's own packages read every token exactly as it was asked for, whatever the kind.

`agora-token` (npm) verifies and takes 007 apart; `agora-access-token` builds every 006 token anew. What they have to
find is written down from the ask alone (tests/random_asks.py). Also: what the check before release costs.

A million of each kind take about an hour; `PROOF_ASKS=20000` runs fewer.
"""

import multiprocessing
import random
import time
from collections.abc import Iterator
from itertools import count
from typing import Any, Final, NamedTuple

from tests import oracle
from tests.assembling import assemble
from tests.long.report import Report
from tests.long.sizes import amount
from tests.oracle import Vendor
from tests.random_asks import RandomAsks, Service, question_006
from tests.unit.http.running import APP_ID, KINDS
from tokend.backends.agora.base import salt_of
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.model import Caller, Issuance, TokenRequest
from tokend.issuing.app_options import RouteOptions
from tokend.issuing.configuration import App
from tokend.issuing.issuer import mint
from tokend.issuing.policy import decide

ASKS: Final = 1_000_000
"""Of each kind."""
PROCESSES: Final = 2
BATCH: Final = 500
SELF_CHECK_BAR: Final = 40.0
"""Microseconds."""
SERIES: Final = (*((kind, "007") for kind in KINDS), ("rtc", "006"), ("rtm", "006"))
CALLER: Final = Caller("anybody")
CERTIFICATES: Final = {"A": "5CFd2fd1755d40ecb72977518be15d3b", "B": "0123456789abcdef0123456789abcdef"}
TWO: Final = "{primary: {env: A}, secondary: {env: B}, sign_with: secondary}"
ONE: Final = "{env: A}"
_APP: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: CERTIFICATE
    backends: [{", ".join(KINDS)}]
    callers:
      anybody:
        anonymous: true
        rules: [{{capabilities: [wildcard_user, wildcard_channel, wildcard_publish, app_admin, classroom_role]}}]
"""


class Asked(NamedTuple):
    """One token, and what there has to be in it."""

    token: str
    issuance: Issuance
    ttl: int
    certificate: str
    services: list[Service]


class Part(NamedTuple):
    """What one process does of a series: `asks` of them."""

    kind: str
    version: str
    seed: int
    token_requests: int


def run(report: Report) -> None:
    if (unmet := oracle.missing()) is not None:
        report.bar("vendor's packages", unmet, "there", held=False)
        return
    number = amount("PROOF_ASKS", ASKS) // PROCESSES
    total = different = 0
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        for index, (kind, version) in enumerate(SERIES):
            parts = [Part(kind, version, 100 * index + one, number) for one in range(PROCESSES)]
            begun = time.monotonic()
            found = pool.map(compared, parts)
            done, wrong = sum(one[0] for one in found), [text for one in found for text in one[1]]
            total, different = total + done, different + len(wrong)
            report.figure(f"{kind} {version}", f"{done:,} asks, {done / (time.monotonic() - begun):,.0f} a second")
            for text in wrong[:3]:
                report.detail("different", text)
    report.figure("requests", f"{total:,}")
    report.bar("tokens that the vendor reads differently", different, "0", held=different == 0)
    costs = {kind: self_check_cost(kind) for kind in KINDS}
    worst = max(costs, key=lambda kind: costs[kind])
    report.figure("self-check", ", ".join(f"{kind} {cost:.0f} us" for kind, cost in costs.items()))
    report.bar(
        f"self-check of the most expensive kind, {worst}",
        f"{costs[worst]:.1f} us",
        f"at most {SELF_CHECK_BAR:.0f} us",
        held=costs[worst] <= SELF_CHECK_BAR,
    )


def compared(part: Part) -> tuple[int, list[str]]:
    """How many asks were made, and those whose tokens the vendor reads otherwise."""
    made, done = tokens(part), 0
    wrong: list[str] = []
    with Vendor() as vendor:
        while done < part.token_requests:
            batch = [next(made) for _ in range(min(BATCH, part.token_requests - done))]
            done += len(batch)
            wrong += different_006(vendor, batch) if part.version == "006" else different_007(vendor, batch)
    return done, wrong


def tokens(part: Part) -> Iterator[Asked]:
    """Random tokens of a series, at random times, with random salts."""
    app, token_requests, chance = _app(TWO), RandomAsks(part.seed), random.Random(part.seed)
    for _ in count():
        issuance, ttl = (
            Issuance(chance.randrange(1, 2**32 - 2 * 86_400), chance.getrandbits(128)),
            token_requests.next_ttl(),
        )
        fields, services = token_requests.old(part.kind) if part.version == "006" else token_requests.made(part.kind)
        issued = mint(decide(app, RouteOptions(path="/"), CALLER, TokenRequest(part.kind, fields, ttl)), issuance)
        yield Asked(issued.token, issuance, ttl, _certificate(services), services)


def different_007(vendor: Vendor, batch: list[Asked]) -> list[str]:
    questions = [{"op": "verify007", "token": one.token, "certificate": one.certificate} for one in batch]
    found = []
    for one, answer in zip(batch, vendor.ask_all(questions), strict=True):
        wanted = {
            "read": True,
            "ok": True,
            "app_id": APP_ID,
            "issue_ts": one.issuance.issued_at,
            "salt": salt_of(one.issuance),
            "expire": one.ttl,
            "services": one.services,
        }
        if answer != wanted:
            found.append(f"{wanted} was read as {answer}")
    return found


def different_006(vendor: Vendor, batch: list[Asked]) -> list[str]:
    questions = [
        question_006(one.services[0], APP_ID, one.certificate, one.issuance.issued_at, salt_of(one.issuance))
        for one in batch
    ]
    answers = vendor.ask_all(questions)
    return [
        f"{question} is built otherwise"
        for one, question, answer in zip(batch, questions, answers, strict=True)
        if answer["token"] != one.token
    ]


def self_check_cost(kind: str, tokens: int = 2_000) -> float:
    """Microseconds that `verify` takes, the mean over random tokens, the best of three for each."""
    app, token_requests, spent = _app(ONE), RandomAsks(1), 0.0
    for number in range(1, tokens + 1):
        ttl, (fields, _) = token_requests.next_ttl(), token_requests.made(kind)
        permit, issuance = (
            decide(app, RouteOptions(path="/"), CALLER, TokenRequest(kind, fields, ttl)),
            Issuance(1_800_000_000, number),
        )
        minted = permit.backend.mint(permit.grant, issuance)
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            mismatch = permit.backend.verify(minted, permit.grant, issuance)
            times.append(time.perf_counter() - begun)
            assert mismatch is None
        spent += min(times)
    return spent / tokens * 1e6


def _certificate(services: list[Service]) -> str:
    """By the vendor's documents: what its REST calls need is signed by the primary certificate, here not the usual one."""
    administrator = {(5, "2"), (7, "3")}
    held: set[tuple[Any, str]] = {(one["type"], number) for one in services for number in one["privileges"]}
    rest = {one["type"] for one in services} & {9, 10}
    return CERTIFICATES["A" if rest or held & administrator else "B"]


def _app(certificate: str) -> App:
    tree = parse(_APP.replace("CERTIFICATE", certificate), "p4.yaml")
    return assemble(tree, "p4.yaml", Secrets(CERTIFICATES, oracle.HERE)).apps["demo"]
