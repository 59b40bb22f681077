"""Reload: a new configuration is read and checked beside the one that serves.

`install` puts it into service: one process replaces its own, the parent of several has all of them prepare first.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from msgspec import Struct

from tokend.config.loading import ConfigurationError, Files, Source
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics

WATCH_SECONDS: Final = 1.0
"""How often `server.watch` looks whether a file changed."""

Install = Callable[[Configuration, Files], Awaitable[list[str]]]
"""Put a configuration into service; gives the problems that prevented it."""


class Reloaded(Struct, frozen=True):
    """The result of a reload. `fingerprint` is that of the configuration that serves now, old or new."""

    problems: tuple[str, ...]
    fingerprint: str
    changed: bool = False


class Reloader:
    """Holds the configuration that serves and the files that it was made of. Runs one reload at a time.

    `refused`: whether the last reload was. `loaded_at`: Unix seconds at which the configuration began to serve.
    """

    def __init__(
        self,
        source: Source,
        configuration: Configuration,
        files: Files,
        install: Install,
        log: JsonLog,
        metrics: Metrics,
        warnings_of: Callable[[Configuration, float], Iterable[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`warnings_of`: the warnings of a configuration that begins to serve. `clock`: Unix seconds."""
        self.configuration = configuration
        self.files = files
        self.source = source
        self._install = install
        self._log = log
        self._metrics = metrics
        self.warnings_of = warnings_of
        self._clock = clock
        self._lock = asyncio.Lock()
        self.refused = False
        self.loaded_at = clock()

    async def reload(self) -> Reloaded:
        """Read everything again. Errors of the configuration are in the result: it raises nothing."""
        async with self._lock:
            files = Files()
            try:
                configuration = await asyncio.to_thread(self.source.load, files)
            except ConfigurationError as error:
                return self._error_response([str(problem) for problem in error.problems])
            if configuration.fingerprint == self.configuration.fingerprint:
                self.refused = False
                self._metrics.count("tokend_reloads", "unchanged")
                self._log.event("reload", result="unchanged", fingerprint=configuration.fingerprint)
                return Reloaded((), configuration.fingerprint)
            if problems := await self._install(configuration, files):
                return self._error_response(problems)
            before, self.configuration, self.files = self.configuration, configuration, files
            self.refused, self.loaded_at = False, self._clock()
            self._metrics.count("tokend_reloads", "done")
            self._log.event(
                "reload", result="done", fingerprint=configuration.fingerprint, apps=len(configuration.apps)
            )
            for warning in (*self.warnings_of(configuration, self._clock()), *_at_next_start(before, configuration)):
                self._log.event("warning", "warning", message=warning)
            return Reloaded((), configuration.fingerprint, changed=True)

    async def watch(self) -> None:
        """Reload whenever a file changed, for ever."""
        seen = self.files.issuances()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            found = await asyncio.to_thread(self.files.issuances)
            if found != seen:
                await self.reload()
                seen = self.files.issuances()

    def _error_response(self, problems: list[str]) -> Reloaded:
        self.refused = True
        self._metrics.count("tokend_reloads", "refused")
        self._log.event(
            "reload", "error", result="refused", problems=problems, fingerprint=self.configuration.fingerprint
        )
        return Reloaded(tuple(problems), self.configuration.fingerprint)


def _at_next_start(before: Configuration, now: Configuration) -> list[str]:
    if before.listen == now.listen and before.server.starts_like(now.server):
        return []
    return ["what changed below `server` counts from the next start"]
