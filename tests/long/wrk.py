"""wrk as a second opinion beside our own clients: as fast as it goes, until it is told to stop or has enough answers."""

import asyncio
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Final

from benchmarks.load import missing

_LONGEST: Final = 3600
"""Seconds; it is stopped before."""
_PATIENCE: Final = 20
"""Seconds that it waits for an answer, as our own clients do."""


def needed() -> None:
    """`SystemExit` where there is none."""
    if (reason := missing()) is not None:
        raise SystemExit(reason)


class Wrk:
    """`connections` of wrk, kept open or, with `fresh`, a new one for each request. `script`: in Lua, what it sends."""

    def __init__(self, url: str, connections: int, *, fresh: bool = False, script: Path | None = None) -> None:
        header = "Connection: close" if fresh else "Connection: keep-alive"
        scripted = () if script is None else ("--script", str(script))
        self._command = (*_command(connections), *scripted, "--header", header, url)
        self.said = ""

    async def __aenter__(self) -> "Wrk":
        self._process = await _started(self._command)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        raw = (await self._process.communicate())[0]
        self.said = raw.decode()

    @property
    def answered(self) -> int:
        found = re.search(r"(\d+) requests in", self.said)
        return int(found[1]) if found else 0

    @property
    def failed(self) -> dict[str, int]:
        """Errors of sockets, and answers other than 2xx and 3xx, by name."""
        errors = _errors(self.said)
        if (refused := re.search(r"Non-2xx or 3xx responses: (\d+)", self.said)) is not None:
            errors["status"] = refused[1]
        return {name: int(count) for name, count in errors.items() if int(count)}


async def counted(url: str, script: Path, first: int, count: int) -> Counter[str]:
    """How often each status came, and each error of a socket, of `count` answers to the requests of a Lua script.

    The script gets `first` and `count`, prints `enough` when it has them, and at the end lines `status NUMBER COUNT`.
    """
    command = (*_command(32), "--script", str(script), url, "--", str(first), str(count))
    process = await _started(command)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_LONGEST):
            while (line := await process.stdout.readline()).strip() != b"enough":
                if not line:
                    raise SystemExit("wrk ended too soon")
        process.send_signal(signal.SIGINT)
        said = (await process.stdout.read()).decode()
    except BaseException:
        process.kill()
        raise
    finally:
        await process.wait()
    statuses = {status: int(times) for status, times in re.findall(r"^status (\d+) (\d+)$", said, re.M)}
    return Counter(statuses) + Counter({name: int(times) for name, times in _errors(said).items()})


def _command(connections: int) -> tuple[str, ...]:
    limits = ("--threads", "1", "--connections", str(connections), "--timeout", f"{_PATIENCE}s")
    return ("wrk", *limits, "--duration", f"{_LONGEST}s")


async def _started(command: tuple[str, ...]) -> asyncio.subprocess.Process:
    needed()
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)


def _errors(said: str) -> dict[str, str]:
    """The errors of sockets in what it said, by name."""
    return dict(re.findall(r"(connect|read|write|timeout) (\d+)", said))
