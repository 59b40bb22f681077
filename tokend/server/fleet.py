"""What a running server is to its operator: one process or several, it reloads, tells how it is, and stops."""

from typing import NamedTuple, Protocol

from tokend.config import Files, Source
from tokend.server.metrics import Snapshot
from tokend.server.reload import Reloader
from tokend.setup import Listen, Setup


class Start(NamedTuple):
    """What is to be served. `files`: those that `setup` was made of. `workers`: how many processes, at least 1."""

    source: Source
    setup: Setup
    files: Files
    listen: Listen
    workers: int = 1


class Fleet(Protocol):
    """`alone.py` is one process, `supervisor.py` the parent of several."""

    reloader: Reloader

    async def snapshot(self) -> Snapshot:
        """The metrics of all processes, those that have ended included."""

    def unready(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""

    def reopen_audit(self) -> None:
        """After rotation of the audit's files."""

    async def replace_workers(self) -> None:
        """A fresh process for each worker, one after the other."""

    async def stop(self, delay: float) -> None:
        """Not ready at once, still serving for `delay` seconds, then finish what has begun."""
