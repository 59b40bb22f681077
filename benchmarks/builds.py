"""Runs of programs that build tokens in process: ours, the vendor's for Python, and the vendor's for npm."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import tokens
from benchmarks.builders import CHANNEL, UID
from benchmarks.load import Failed
from benchmarks.samples import Cores, Sample
from benchmarks.scenarios import CREDENTIALS
from benchmarks.servers import kept_environment, machine_cpu_seconds, pinned


class Builder(NamedTuple):
    """A program that builds tokens in process: see benchmarks/builders.py."""

    name: str
    what: str
    arguments: Sequence[str]
    rounds: int | None = None


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
    return Sample(rate=rate, cpu_us=found["cpu"] / found["builds"] * 1e6, tokens=rate, others=max(0.0, others))


def builders(vendor: str | None, express: Path) -> tuple[list[Builder], dict[str, str]]:
    """Those that can be run here, and for each of the others why not. `vendor`: the folder of the vendor's for Python."""
    python = [sys.executable, "-m", "benchmarks.builders"]
    found, unmet = [Builder("build", "in process: tokend.agora", python)], {}
    if vendor is None:
        unmet["build-python"] = "--vendor-python names no folder of the vendor's tools"
    else:
        found.append(Builder("build-python", "in process: the vendor's builder for Python", [*python, vendor]))
    if (express / "node_modules" / "agora-token").is_dir():
        found.append(
            Builder("build-npm", "in process: npm agora-token", ["node", str(express / "builder.js")], rounds=1)
        )
    else:
        unmet["build-npm"] = "benchmarks/express/node_modules is missing (make bench installs it by npm)"
    return found, unmet
