"""The guard of what a request costs: calls in process against `baseline.json`. Nothing is timed.

More than SLACK over the baseline fails: find what was added, or, if it is worth it, write the new figure and say why in
the commit. More than SLACK under it fails too, so that a gain is kept: write the lower figure.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from benchmarks import hello, scenarios
from tests.performance.counting import calls_of_door, calls_of_hello
from tests.system.browser import parts
from tests.unit.http.running import WORLD
from tokend.adapters.audit_log import Audit
from tokend.adapters.memory_limiter import LocalLimiter
from tokend.config.assemble import assemble
from tokend.config.entry_points import BACKENDS
from tokend.config.environment import SOURCE, tree_of
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.interfaces import Interfaces
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog

SLACK: Final = 0.15
BASELINE: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("baseline.json").read_text())
TO_HELLO: Final = 5.0
"""The bound on zero configuration against a bare aiohttp hello, whatever the baseline says."""


async def counted(name: str, directory: Path) -> float:
    """Calls a request of the benchmark's scenario of this name, log and audit going to real files."""
    scenario = next(one for one in scenarios.all_scenarios() if one.name == name)
    scenario.prepare(directory, 0)
    begun = time.time()  # the scenario's JWTs are made now
    world = replace(WORLD, clock=lambda: begun)
    configuration = configuration_of(directory)
    with (directory / "log").open("wb") as stream:
        log = JsonLog(stream, world.clock)
        audit = Audit(configuration.audit, "writer", log) if configuration.audit is not None else None
        interfaces = Interfaces(audit, limiter=LocalLimiter(world.elapsed))
        calls = await calls_of_door(configuration, log, world, interfaces, scenario.requests[0])
        if audit is not None:
            audit.close()
    return calls


def configuration_of(directory: Path) -> Configuration:
    """What `tokend serve` would make of the files that the scenario put there."""
    written = directory / "benchmarks.yaml"
    if written.exists():
        text = written.read_text().replace("audit.jsonl", str(directory / "audit.jsonl"))
        tree, source = parse(text, written.name), written.name
    else:
        tree, source = tree_of(scenarios.CREDENTIALS), SOURCE
    return assemble(tree, source, Secrets(scenarios.CREDENTIALS, directory), BACKENDS.load)


@pytest.fixture
def same_python() -> None:
    """Python versions count differently: on another one the counts are skipped, saying so; where CI=true that fails."""
    if list(sys.version_info[:2]) != BASELINE["python"]:
        reason = f"baseline.json was counted with Python {BASELINE['python']}: count anew with this one"
        parts.skip_or_fail(reason)


@pytest.mark.usefixtures("same_python")
@pytest.mark.parametrize("name", ["zero", "key", "jwt", "post", "batch", "app"])
async def test_calls_a_request(name: str, tmp_path: Path) -> None:
    calls, before = await counted(name, tmp_path), BASELINE[name]
    assert calls <= before * (1 + SLACK), f"{name}: {calls:.0f} calls a request, {before:.0f} in the baseline"
    assert calls >= before * (1 - SLACK), f"{name}: only {calls:.0f} calls now: write that into the baseline"


async def test_zero_configuration_against_a_hello(tmp_path: Path) -> None:
    request = scenarios.rtc(1)
    ours, bare = await counted("zero", tmp_path), await calls_of_hello(hello.hello, request)
    assert ours <= TO_HELLO * bare, f"{ours:.0f} calls a request, and {bare:.0f} for a hello"


async def test_a_count_is_the_same_each_time(tmp_path: Path) -> None:
    first: Any = await counted("zero", tmp_path)
    assert await counted("zero", tmp_path) == pytest.approx(first, rel=0.01)
