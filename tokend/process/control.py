"""What `tokend serve` starts, and the interface through which it controls one process or several."""

from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tokend.config.isolation import Isolated
from tokend.config.loading import Files, Source
from tokend.core.listening import Listen
from tokend.http.operated import Operated
from tokend.http.reloader import Reloader
from tokend.issuing.configuration import Configuration


class LaunchOptions(Struct, frozen=True):
    """What to serve. `files`: those that the configuration was read from. `workers`: number of processes, at least 1."""

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
        """The warnings for a configuration with this listener and number of processes; `now` in Unix seconds."""
        return replace(configuration.with_workers(self.workers), listen=self.listen).warnings_at(now)


class ServerHandle(Operated, Protocol):
    """Controls a running server. `single_process.py` and `multi_process.py` implement it."""

    @property
    def reloader(self) -> Reloader: ...

    async def start(self) -> None:
        """Accept connections on the listener. Raises `CannotStart`."""

    def alive(self, now: float) -> bool:
        """Whether the server responds. A service manager restarts it if not. `now`: the event loop's time in seconds."""

    def reopen_audit(self) -> None:
        """Reopen the audit files after their rotation."""

    async def replace_workers(self) -> None:
        """Replace each worker by a new process, one after the other."""

    async def stop(self, delay: float) -> None:
        """Report not ready, serve for `delay` more seconds, then finish the requests in progress."""
