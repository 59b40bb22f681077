"""One run of one scenario: start, check, warm up, measure, check again, end."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from benchmarks import load, tokens
from benchmarks.load import Failed, NoAnswer
from benchmarks.samples import Cores, Sample
from benchmarks.scenarios import Scenario
from benchmarks.servers import HttpResponse, Server, machine_cpu_seconds, running

WARM_UP: Final = 1
"""Seconds of load before the clock starts. It goes on until each request was sent once."""
CONNECTING: Final = 3
"""Seconds of load in which a scenario `without_connecting` opens its connections, before its processor time is looked at."""
_SLOWEST: Final = 1_000
"""Answers in a second that a slow machine still gives: the load lasts until each connection had some."""
_LONGEST_WARM_UP: Final = 20.0
"""Seconds."""
_TAIL: Final = 0.5
"""Seconds of load for which the connections are still open when it was looked at."""


class _Window(NamedTuple):
    """Some seconds of load. `cpu`, `busy`, `own`: seconds of processor time of the server, of wrk and of this program."""

    answers: int
    seconds: float
    cpu: float
    busy: float
    own: float
    everything: float
    faults: int
    latency_ms: tuple[float, ...]
    bodies: tuple[bytes, ...]

    @property
    def others(self) -> float:
        """Cores that somebody else used."""
        return max(0.0, (self.everything - self.cpu - self.busy - self.own) / self.seconds)


def serve(scenario: Scenario, cores: Cores, seconds: int) -> tuple[Sample, HttpResponse]:
    """One run, and the answer that was checked before it; `Failed` if anything in it was not as it should be."""
    places = cores.server | cores.load if scenario.all_cores else cores.server
    with running(scenario.prepare, places) as server:
        first = [server.token_request(request) for request in scenario.requests[:3]][-1]
        if first.status != 200:
            raise Failed(f"{scenario.name} answers with {first.status}: {first.body[:300]!r}")
        if scenario.tokens:
            tokens.check(first.body, scenario.asked, scenario.tokens)
        warm_up(server, scenario)
        if scenario.without_connecting:
            found, cpu_us = _connected(server, scenario, seconds)
        else:
            found = _window(server, scenario, seconds, scenario.least)
            cpu_us = found.cpu / found.answers * 1e6
        sample = _sample(server, scenario, found, cpu_us)
    if scenario.tokens:
        minted = [token for body in found.bodies for token in tokens.check(body, scenario.asked, scenario.tokens)]
        if not minted or (len(set(minted)) != len(minted) and not scenario.no_salt):
            raise Failed(f"{scenario.name}: of {len(minted)} tokens {len(set(minted))} differ")
    return sample, first


def warm_up(server: Server, scenario: Scenario) -> None:
    """Send each request once, at least; `Failed` where there is no answer for _LONGEST_WARM_UP."""
    requests, answered, begun = scenario.requests, 0, time.monotonic()
    while answered < len(requests):
        left = (*requests[answered:], *requests[:answered])  # wrk begins with the first one again
        try:
            answered += load.drive(server.port, left, WARM_UP, scenario.connections).answers
        except NoAnswer:
            if time.monotonic() - begun > _LONGEST_WARM_UP:
                raise


def _sample(server: Server, scenario: Scenario, found: _Window, cpu_us: float) -> Sample:
    rate = found.answers / found.seconds
    return Sample(
        rate=rate,
        cpu_us=cpu_us,
        tokens=rate * scenario.tokens,
        latency_ms=found.latency_ms,
        memory=server.memory(),
        peak=server.peak_memory(),
        started=server.started,
        busy=found.busy / found.seconds,
        faults=found.faults / found.answers,
        others=found.others,
    )


def _connected(server: Server, scenario: Scenario, seconds: int) -> tuple[_Window, float]:
    """So many seconds of load, and the microseconds of processor time of a request once all connections are open."""
    seconds = max(seconds, scenario.connections // _SLOWEST + 1)
    with ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(_window, server, scenario, CONNECTING + seconds, 0)
        time.sleep(CONNECTING)
        cpu, answers = server.cpu_seconds(), server.log_lines()
        time.sleep(seconds - _TAIL)
        cpu, answers = server.cpu_seconds() - cpu, server.log_lines() - answers
        found = loaded.result()
    if answers < scenario.connections:
        raise Failed(f"{answers} answers on {scenario.connections} connections: not each of them was in use")
    return found, cpu / answers * 1e6


def _window(server: Server, scenario: Scenario, seconds: int, least: int) -> _Window:
    """So many seconds of load, and again until `least` requests are answered."""
    cpu, everything, faults = server.cpu_seconds(), machine_cpu_seconds(), server.page_faults()
    own = time.process_time()
    runs = [load.drive(server.port, scenario.requests, seconds, scenario.connections)]
    while sum(run.answers for run in runs) < least:
        runs.append(load.drive(server.port, scenario.requests, seconds, scenario.connections))
    return _Window(
        answers=sum(run.answers for run in runs),
        seconds=sum(run.seconds for run in runs),
        cpu=server.cpu_seconds() - cpu,
        busy=sum(run.busy * run.seconds for run in runs),
        own=time.process_time() - own,
        everything=machine_cpu_seconds() - everything,
        faults=server.page_faults() - faults,
        latency_ms=tuple(map(max, zip(*(run.latency_ms for run in runs), strict=True))),
        bodies=tuple(body for run in runs for body in run.bodies),
    )
