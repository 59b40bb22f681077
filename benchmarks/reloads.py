"""A reload of 10,000 apps in four workers, under a load that leaves the machine half of its time."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

from benchmarks import load
from benchmarks.growth import MANY_APPS
from benchmarks.load import Failed
from benchmarks.samples import Cores, Sample
from benchmarks.scenarios import API_KEY, DIGEST, YAML, apps_yaml, serve, variants, with_key
from benchmarks.servers import Server, machine_cpu_seconds, running
from tests.free_ports import free_port

WORKERS: Final = 4
CONNECTIONS: Final = 32
PAUSE: Final = 40
"""Milliseconds between an answer and the next request of a connection."""
RELOADS: Final = 4
_LEAD: Final = 0.5
"""Seconds of load before the reload begins."""
_LONGEST: Final = 120.0
"""Seconds that a reload may take."""


class Reload(NamedTuple):
    """`apps`: how many the configuration has. `changes_all`: whether each reload changes all of them, in place of one."""

    name: str = "reload"
    what: str = f"reload of {MANY_APPS:,} apps, of which one changed, in {WORKERS} workers, under load"
    changes_all: bool = False
    apps: int = MANY_APPS
    rounds: int | None = 1

    @property
    def base(self) -> str:
        """The name of the sample that was taken before any reload."""
        return f"{self.name}-base"


RELOADED: Final = (
    Reload(),
    Reload("reload-all", f"the same, but all {MANY_APPS:,} apps changed", changes_all=True),
)


def reload(entry: Reload, cores: Cores, seconds: int) -> dict[str, list[Sample]]:
    """The samples under load before each of RELOADS but the first, and during it. The last pair has the memory before and after.

    One pair says little: the slowest 1 % are some thirty answers, and without a reload their p99 was 8 to 17 ms.
    """
    admin = free_port()
    listener = f'workers: {WORKERS}, admin: {{listen: "127.0.0.1:{admin}", key: "sha256:{DIGEST}"}}'
    yaml = apps_yaml(entry.apps, listener)
    before: list[Sample] = []
    during: list[Sample] = []
    with running(serve(yaml), cores.server | cores.load) as server:
        _wait_until_ready(server, admin)
        _paced(server, 1)
        memory = server.memory()
        changed = _all_changed if entry.changes_all else _one_changed
        took = _reload(server, admin, changed(yaml, 1))  # says for how long a load must run
        for number in range(2, RELOADS + 1):
            before.append(_paced(server, seconds))
            with ThreadPoolExecutor(1) as pool:
                running_load = pool.submit(_paced, server, math.ceil(_LEAD + 1.5 * took + 1))
                time.sleep(_LEAD)
                took = _reload(server, admin, changed(yaml, number))
                during.append(running_load.result())
        before[-1] = before[-1]._replace(memory=memory)
        during[-1] = during[-1]._replace(memory=server.memory())
    return {entry.base: before, entry.name: during}


def _wait_until_ready(server: Server, admin: int) -> None:
    """`Failed` if the workers do not answer in time."""
    begun = time.monotonic()
    while True:
        try:
            ready = server.token_request(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", port=admin).status == 200
        except Failed:
            ready = False
        if ready:
            return
        if time.monotonic() - begun > _LONGEST:
            raise Failed(f"the workers are not ready after {_LONGEST:.0f} s")
        time.sleep(0.05)


def _paced(server: Server, seconds: int) -> Sample:
    cpu, everything = server.cpu_seconds(), machine_cpu_seconds()
    requests = variants(partial(with_key, at="/app0"))
    found = load.drive(server.port, requests, seconds, CONNECTIONS, PAUSE)
    cpu, everything = server.cpu_seconds() - cpu, machine_cpu_seconds() - everything
    return Sample(
        rate=found.answers / found.seconds,
        cpu_us=cpu / found.answers * 1e6,
        latency_ms=found.latency_ms,
        started=server.started,
        busy=found.busy,
        others=max(0.0, (everything - cpu) / found.seconds - found.busy),
    )


def _one_changed(yaml: str, number: int) -> str:
    """A reload that changes nothing would concern no worker."""
    last = yaml.rindex("}}}")
    return f"{yaml[:last]}}}}}, ttl: {{max: {number}h}}{yaml[last + 2 :]}"


def _all_changed(yaml: str, number: int) -> str:
    return yaml.replace("defaults:\n", f"defaults:\n  ttl: {{max: {number}h}}\n", 1)


def _reload(server: Server, admin: int, yaml: str) -> float:
    """Seconds that it took."""
    (server.directory / YAML).write_text(yaml)
    begun = time.monotonic()
    lines = ("POST /-/reload HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {API_KEY}", "Content-Length: 0")
    found = server.token_request("\r\n".join([*lines, "", ""]).encode(), port=admin, timeout=_LONGEST)
    if found.status != 200 or b'"result":"done"' not in found.body:
        raise Failed(f"the reload answers with {found.status}: {found.body[:300]!r}")
    return time.monotonic() - begun
