"""What the scripts under disturbance share: real servers, a load measured before and during, and what the log says."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec.json

from tests.long.asking import milliseconds as milliseconds
from tests.long.report import Report
from tests.system.workers.load import Load, waits
from tests.system.workers.serving import Running, serving

GOOD: Final = "/demo/rtc/demo-room/publisher/uid/{uid}/"
BASE_SECONDS: Final = 10.0


@asynccontextmanager
async def disturbed(
    workers: int, server: str = "", extra: Mapping[str, str] = {}, before: Sequence[str] = ()
) -> AsyncIterator[Running]:
    """A real `tokend serve` in a directory of its own; see `serving`."""
    with tempfile.TemporaryDirectory() as directory:
        async with serving(Path(directory), workers, server, extra, before=before) as running:
            yield running


async def base_of(report: Report, make: Callable[[], Load], seconds: float = BASE_SECONDS) -> float:
    """Seconds of the 99th percentile of this load while nothing disturbs it."""
    async with make() as load:
        await asyncio.sleep(seconds)
    report.figure("base", f"{load.answered / seconds:.0f} requests/s, p99 {milliseconds(load.percentile(0.99))}")
    failures(report, "failed requests of the base", load)
    return load.percentile(0.99)


class Counted(Protocol):
    """What a load tells of itself. `failed`: by reason."""

    @property
    def answered(self) -> int: ...

    @property
    def failed(self) -> Mapping[str, int]: ...


def failures(report: Report, name: str, *loads: Counted) -> None:
    """None may have failed."""
    answered = sum(one.answered for one in loads)
    failed = {reason: count for one in loads for reason, count in one.failed.items()}
    report.bar(
        name, f"{sum(failed.values())} of {answered:,} {failed or ''}".strip(), "none", not failed and answered > 0
    )


def latency(report: Report, load: Load, most: float, bar: str) -> None:
    """The 99th percentile during the disturbance, at most `most` seconds."""
    found = load.percentile(0.99)
    worst = milliseconds(load.percentile(1.0))
    report.bar("p99 while disturbed", f"{milliseconds(found)} (slowest {worst})", f"at most {bar}", found <= most)


async def until(holds: Callable[[], bool], most: float) -> float | None:
    """Seconds until it holds; None if it does not within `most`."""
    begun = asyncio.get_running_loop().time()
    for pause in waits(most, 0.01):
        if holds():
            return asyncio.get_running_loop().time() - begun
        await asyncio.sleep(pause)
    return None


def log_size(running: Running) -> int:
    """Bytes that it has written so far."""
    return (running.directory / "log").stat().st_size


def log_of(running: Running, since: int = 0) -> Iterator[dict[str, Any]]:
    """The lines of the log from a byte on; one that is no JSON object is given as the event `not JSON`."""
    with (running.directory / "log").open("rb") as lines:
        lines.seek(since)
        for line in lines:
            try:
                yield msgspec.json.decode(line)
            except ValueError:
                yield {"event": "not JSON", "line": line.decode(errors="replace")}


def resident(process: int) -> float:
    """MiB of memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def many_descriptors(count: int) -> None:
    """Let this process open so many; `SystemExit` where it may not."""
    import resource  # Windows has none

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise SystemExit(f"this needs {count} file descriptors, and the hard limit is {hard}: raise it (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
