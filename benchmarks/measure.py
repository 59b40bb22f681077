"""One run of one scenario: start, check, warm up, measure, check again, end."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import load, tokens
from benchmarks.builders import CHANNEL, UID
from benchmarks.load import Failed
from benchmarks.scenarios import CREDENTIALS, Scenario
from benchmarks.servers import HttpResponse, Server, kept_environment, machine_cpu_seconds, pinned, running

WARM_UP: Final = 2
"""Seconds of load before the clock starts."""


class Cores(NamedTuple):
    """Where the server runs, and where wrk and this program do."""

    server: frozenset[int]
    load: frozenset[int]


class Sample(NamedTuple):
    """`rate`: requests (or builds) a second; `cpu_us`: microseconds of CPU for each. None: not to be had of this one.

    `others`: what other programs used of the machine meanwhile, in cores.
    """

    rate: float
    cpu_us: float
    tokens: float = 0
    """Tokens a second."""
    p50_ms: float | None = None
    p99_ms: float | None = None
    memory: float | None = None
    started: float | None = None
    busy: float | None = None
    faults: float | None = None
    """Page faults a request."""
    others: float = 0

    @property
    def per_cpu_second(self) -> float:
        """Tokens for each second of CPU: the rate of a core that this program had for itself."""
        return self.tokens / self.rate / self.cpu_us * 1e6


class Builder(NamedTuple):
    """A program that builds tokens in process: see benchmarks/builders.py."""

    name: str
    what: str
    arguments: Sequence[str]


def serve(scenario: Scenario, cores: Cores, seconds: int) -> tuple[Sample, HttpResponse]:
    """One run, and the answer that was checked before it; `Failed` if anything in it was not as it should be."""
    places = cores.server | cores.load if scenario.all_cores else cores.server
    with running(scenario.prepare, places) as server:
        first = [server.token_request(one) for one in scenario.requests[:3]][-1]
        if first.status != 200:
            raise Failed(f"{scenario.name} answers with {first.status}: {first.body[:300]!r}")
        if scenario.tokens:
            tokens.check(first.body, scenario.asked, scenario.tokens)
        load.drive(server.port, scenario.requests, WARM_UP, scenario.connections)
        sample, bodies = _under_load(server, scenario, seconds)
    if scenario.tokens:
        found = [one for body in bodies for one in tokens.check(body, scenario.asked, scenario.tokens)]
        if not found or (len(set(found)) != len(found) and not scenario.one_salt):
            raise Failed(f"{scenario.name}: of {len(found)} tokens {len(set(found))} differ")
    return sample, first


def build(builder: Builder, cores: Cores, seconds: int) -> Sample:
    """One run of a builder; its last token is checked."""
    with pinned(cores.server):
        before = machine_cpu_seconds()
        begun = time.monotonic()
        done = subprocess.run(
            builder.arguments,
            env={**kept_environment(), **CREDENTIALS, "SECONDS": str(seconds)},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
        others = (machine_cpu_seconds() - before) / (time.monotonic() - begun) - 1
    if done.returncode != 0:
        raise Failed(f"{builder.name} ended with {done.returncode}: {done.stderr[-500:]}")
    found = json.loads(done.stdout)
    tokens.check(json.dumps(found["token"]).encode(), frozenset({(CHANNEL, str(UID))}), 1)
    rate = found["builds"] / found["seconds"]
    return Sample(rate, found["cpu"] / found["builds"] * 1e6, rate, others=max(0.0, others))


def builders(vendor: str | None, express: Path) -> list[Builder]:
    """The library face, the vendor's builder for Python where its folder was given, and npm's where it is installed."""
    python = [sys.executable, "-m", "benchmarks.builders"]
    found = [Builder("build", "in process: tokend.agora", python)]
    if vendor is not None:
        found.append(Builder("build-python", "in process: the vendor's builder for Python", [*python, vendor]))
    if (express / "node_modules").is_dir():
        found.append(Builder("build-npm", "in process: npm agora-token", ["node", str(express / "builder.js")]))
    return found


def _under_load(server: Server, scenario: Scenario, seconds: int) -> tuple[Sample, list[bytes]]:
    cpu, everything, faults = server.cpu_seconds(), machine_cpu_seconds(), server.page_faults()
    runs = [load.drive(server.port, scenario.requests, seconds, scenario.connections)]
    while sum(one.answers for one in runs) < scenario.least:
        runs.append(load.drive(server.port, scenario.requests, seconds, scenario.connections))
    cpu, everything = server.cpu_seconds() - cpu, machine_cpu_seconds() - everything
    answers, taken = sum(one.answers for one in runs), sum(one.seconds for one in runs)
    busy = sum(one.busy * one.seconds for one in runs) / taken
    sample = Sample(
        rate=answers / taken,
        cpu_us=cpu / answers * 1e6,
        tokens=answers / taken * scenario.tokens,
        p50_ms=max(one.p50_ms for one in runs),
        p99_ms=max(one.p99_ms for one in runs),
        memory=server.memory(),
        started=server.started,
        busy=busy,
        faults=(server.page_faults() - faults) / answers,
        others=max(0.0, (everything - cpu) / taken - busy),
    )
    return sample, [body for one in runs for body in one.bodies]
