"""What `tokend serve` runs, and how it controls it: one process or several."""

from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tokend.config.isolation import Isolated
from tokend.config.loading import Files, Source
from tokend.http.reloader import Reloader
from tokend.issuing.configuration import Configuration
from tokend.issuing.server_settings import Listen
from tokend.telemetry.metrics import Snapshot


class LaunchOptions(Struct, frozen=True):
    """What to serve. `files`: those that the configuration was made of. `workers`: number of processes, at least 1."""

    source: Source
    isolated: Isolated
    files: Files
    listen: Listen
    workers: int = 1

    @property
    def configuration(self) -> Configuration:
        """The configuration to serve."""
        return self.isolated.configuration

    def warnings_of(self, configuration: Configuration, now: float) -> tuple[str, ...]:
        """The warnings for a configuration that is served here, by this number of processes; `now` in Unix seconds."""
        server = configuration.server.model_copy(update={"workers": self.workers})
        return replace(configuration, listen=self.listen, server=server).warnings_at(now)


class ServerHandle(Protocol):
    """`single_process.py` is one process, `multi_process.py` the parent of several."""

    @property
    def reloader(self) -> Reloader: ...

    async def snapshot(self) -> Snapshot:
        """The metrics of all processes, those that have ended included."""

    def not_ready_reasons(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""

    def alive(self, now: float) -> bool:
        """Whether it could answer; `now`: the event loop's time. A service manager restarts what could not for long."""

    def reopen_audit(self) -> None:
        """After rotation of the audit's files."""

    async def replace_workers(self) -> None:
        """A fresh process for each worker, one after the other."""

    async def stop(self, delay: float) -> None:
        """Not ready at once, still serving for `delay` seconds, then finish what has begun."""
