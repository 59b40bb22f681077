"""wrk as a second opinion beside our own clients: as fast as it goes, until it is told to stop."""

import asyncio
import re
import signal
from typing import Final

from bench.load import missing

_LONGEST: Final = 3600
"""Seconds; it is stopped before."""
_PATIENCE: Final = 20
"""Seconds that it waits for an answer, as our own clients do."""


def needed() -> None:
    """`SystemExit` where there is none."""
    if (reason := missing()) is not None:
        raise SystemExit(reason)


class Wrk:
    """`connections` of wrk, kept open or, with `fresh`, a new one for each request."""

    def __init__(self, url: str, connections: int, *, fresh: bool = False) -> None:
        header = "Connection: close" if fresh else "Connection: keep-alive"
        limits = ("--threads", "1", "--connections", str(connections), "--timeout", f"{_PATIENCE}s")
        self._command = ("wrk", *limits, "--duration", f"{_LONGEST}s", "--header", header, url)
        self.said = ""

    async def __aenter__(self) -> "Wrk":
        needed()
        self._process = await asyncio.create_subprocess_exec(*self._command, stdout=asyncio.subprocess.PIPE)
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
        errors: dict[str, str] = dict(re.findall(r"(connect|read|write|timeout) (\d+)", self.said))
        if (refused := re.search(r"Non-2xx or 3xx responses: (\d+)", self.said)) is not None:
            errors["status"] = refused[1]
        return {name: int(count) for name, count in errors.items() if int(count)}
