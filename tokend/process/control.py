"""What a running server is to its operator: one process or several, it reloads, tells how it is, and stops."""

from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tokend.config.loading import Files, Source
from tokend.issuing.configuration import Configuration
from tokend.issuing.server_settings import Listen
from tokend.process.reloader import Reloader
from tokend.telemetry.metrics import NOTHING, Snapshot, Values, merged


class LaunchOptions(Struct, frozen=True):
    """What is to be served. `files`: those that `setup` was made of. `workers`: how many processes, at least 1."""

    source: Source
    configuration: Configuration
    files: Files
    listen: Listen
    workers: int = 1

    def warnings_of(self, configuration: Configuration, now: float) -> tuple[str, ...]:
        """Those of a Setup that serves where this start listens, in so many processes; `now` in Unix seconds."""
        server = configuration.server.model_copy(update={"workers": self.workers})
        return replace(configuration, listen=self.listen, server=server).warnings_at(now)


class ServerHandle(Protocol):
    """`alone.py` is one process, `supervisor.py` the parent of several."""

    reloader: Reloader

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


async def full_snapshot(server_handle: ServerHandle) -> Snapshot:
    """Its metrics, with those that are of no process alone."""
    reloader = server_handle.reloader
    gauges: Values = {
        "tokend_workers": {(): 0.0},  # so that it is 0 when all have ended, and not missing
        "tokend_ready": {(): float(not server_handle.not_ready_reasons())},
        "tokend_apps": {(): float(len(reloader.configuration.apps))},
        "tokend_config_last_reload_successful": {(): float(not reloader.refused)},
        "tokend_config_last_load_timestamp_seconds": {(): reloader.loaded_at},
    }
    return merged([await server_handle.snapshot(), replace(NOTHING, values=gauges)])
