"""How long tokend takes until it listens, and its memory then."""

import json
from typing import NamedTuple

from benchmarks.growth import MANY_APPS
from benchmarks.load import Failed
from benchmarks.samples import Cores, Sample
from benchmarks.scenarios import apps_yaml, serve
from benchmarks.servers import Prepare, machine_cpu_seconds, running


class Start(NamedTuple):
    """A configuration that tokend is started with."""

    name: str
    what: str
    prepare: Prepare
    rounds: int | None = None


def starts() -> list[Start]:
    return [
        Start("start", "start without a file", serve()),
        Start("start-1000", "start with 1,000 apps", serve(apps_yaml(1_000))),
        Start(f"start-{MANY_APPS}", f"start with {MANY_APPS:,} apps", serve(apps_yaml(MANY_APPS))),
    ]


def start(entry: Start, cores: Cores) -> Sample:
    """One start on the server's cores; `Failed` if it does not answer `/ping`."""
    before = machine_cpu_seconds()
    with running(entry.prepare, cores.server) as server:
        used = machine_cpu_seconds() - before - server.cpu_seconds()
        found = server.token_request(b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        if found.status != 200 or json.loads(found.body) != {"message": "pong"}:
            raise Failed(f"{entry.name} answers with {found.status}: {found.body[:300]!r}")
        return Sample(
            memory=server.memory(),
            peak=server.peak_memory(),
            started=server.started,
            others=max(0.0, used / server.started),
        )
