"""Reload: a new configuration is read and checked beside the one that serves.

`install` puts it into service: one process replaces its own, the parent of several has all of them prepare first.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tokend.config.isolation import Isolated
from tokend.config.loading import ConfigurationError, Files, Source, comparable
from tokend.config.problems import fold
from tokend.http.cancellation import ends_task
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog, exception_fields
from tokend.telemetry.metrics import Metrics

WATCH_SECONDS: Final = 1.0
"""How often `server.watch` looks whether a file changed."""

Install = Callable[[Isolated, Files], Awaitable[list[str]]]
"""Put a configuration into service; gives the problems that prevented it."""


class Reloaded(Struct, frozen=True):
    """What became of a reload. `fingerprint` is that of the configuration that serves now, old or new.

    `result`: `done`, `unchanged` or `refused`. `problems`: why it was refused. `invalid_apps`: the errors of each app that
    is not served as it is written; `serving_last_version`: those of them that are served as they were. `removed`: apps
    that are no longer served.
    `at_next_start`: a sentence where settings differ from those of the start that a reload cannot apply.
    """

    result: str
    fingerprint: str
    problems: tuple[str, ...] = ()
    invalid_apps: Mapping[str, tuple[str, ...]] = {}
    serving_last_version: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    at_next_start: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether another configuration serves now."""
        return self.result == "done"


class Reloader:
    """Holds the configuration that serves and the files that it was made of. Runs one reload at a time.

    `refused`: whether the last reload changed nothing because of errors. `loaded_at`: Unix seconds at which the configuration
    began to serve.
    """

    def __init__(
        self,
        source: Source,
        isolated: Isolated,
        files: Files,
        install: Install,
        log: JsonLog,
        metrics: Metrics,
        warnings_of: Callable[[Configuration, float], Iterable[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`warnings_of`: the warnings of a configuration that begins to serve. `clock`: Unix seconds."""
        self.isolated = isolated
        self.files = self._last_read = files
        self._valid_in: dict[str, Files] = {}
        """Where an invalid app was valid last, if it is served in that version."""
        self.source = source
        self._install = install
        self._log = log
        self._metrics = metrics
        self.warnings_of = warnings_of
        self._clock = clock
        self._lock = asyncio.Lock()
        self._listen_at_start = isolated.configuration.listen
        self.settings_at_start = isolated.configuration.options.server
        """What a reload cannot change below `server` is as here, whatever the files say now."""
        self.refused = False
        self.loaded_at = clock()

    @property
    def configuration(self) -> Configuration:
        """The configuration that serves."""
        return self.isolated.configuration

    @property
    def invalid_apps(self) -> dict[str, tuple[str, ...]]:
        """The errors of each app that is not served as it is written."""
        return errors_of(self.isolated)

    async def written(self) -> dict[str, Any]:
        """`{"apps": …, "settings": …}` as the files say it. An app that is served in its last valid version has that one.

        Apps that are not served are left out: what is wrong with them may be the text of a secret in the wrong place.
        """
        return await asyncio.to_thread(_written, self.source, self.files, self._valid_in, self.configuration)

    async def reload(self) -> Reloaded:
        """Read everything again. Errors are in the result: an exception would end what handles signals, and `watch`."""
        async with self._lock:
            try:
                result = await self._read_again()
            except BaseException as error:
                if ends_task(error):
                    raise
                found = exception_fields(error)
                result = self._reject(
                    [f"a bug, not an error of the configuration: {found['exception']} at {found['at']}"]
                )
            self._metrics.count("tokend_reloads", result.result)
            return result

    async def _read_again(self) -> Reloaded:
        files = self._last_read = Files()
        try:
            isolated = await asyncio.to_thread(self.source.load_isolated, files, self.configuration)
        except ConfigurationError as error:
            return self._reject(fold(error.problems))
        only_invalid = bool(isolated.invalid_apps) and not self._changes_what_is_served(isolated)
        if isolated.configuration.fingerprint == self.configuration.fingerprint or (
            only_invalid and not self.refused and _sentences(isolated) == _sentences(self.isolated)
        ):
            self.refused = False
            self._note_invalid_apps(isolated)
            self._log.event("reload", result="unchanged", fingerprint=self.configuration.fingerprint)
            return self._accept("unchanged")
        if only_invalid:
            self._note_invalid_apps(isolated)
            log_invalid_apps(self._log, isolated)
            return self._reject(fold(isolated.problems), isolated)
        if problems := await self._install(isolated, files):
            return self._reject(problems)
        return self._note_installed(isolated, files)

    def _note_installed(self, isolated: Isolated, files: Files) -> Reloaded:
        """Note and log what serves now."""
        configuration = isolated.configuration
        self._valid_in = {name: self._valid_in.get(name, self.files) for name in isolated.kept}
        removed = self.removed_by(isolated)
        self.isolated, self.files = isolated, files
        self._log.configure(configuration.options.server)
        self.refused, self.loaded_at = False, self._clock()
        self._log.event(
            "reload",
            "warning" if removed else "info",
            result="done",
            fingerprint=configuration.fingerprint,
            apps=len(configuration.apps),
            **({"removed": removed} if removed else {}),
        )
        log_invalid_apps(self._log, isolated)
        result = self._accept("done", removed)
        for warning in (*self.warnings_of(configuration, self._clock()), *result.at_next_start):
            self._log.event("warning", "warning", message=warning)
        return result

    def removed_by(self, isolated: Isolated) -> tuple[str, ...]:
        """Names of the apps that are no longer in `isolated`, also of those that were invalid and answered 503."""
        answered = isolated.removed | self.isolated.invalid_apps.keys()
        return tuple(sorted(answered - isolated.configuration.apps.keys() - isolated.invalid_apps.keys()))

    async def preview(self) -> tuple[Isolated, Files]:
        """What a reload would serve now, and its files. Raises `ConfigurationError` for errors outside the apps."""
        files = Files()
        return await asyncio.to_thread(self.source.load_isolated, files, self.configuration), files

    async def watch(self) -> None:
        """Reload whenever a file changed, for ever."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                changed = await asyncio.to_thread(self._last_read.changed)
            except Exception as error:  # noqa: BLE001  # whatever happens, the files are looked at again
                self._log.event("reload", "error", result="cannot look at the files", **exception_fields(error))
                continue
            if changed:
                await self.reload()

    def _note_invalid_apps(self, isolated: Isolated) -> None:
        """The configuration that serves stays: only what is said of its apps changes."""
        self.isolated = replace(self.isolated, invalid_apps=isolated.invalid_apps, problems=isolated.problems)

    def _changes_what_is_served(self, isolated: Isolated) -> bool:
        """Whether anything is served otherwise: an app, or what is outside the apps, each with its secrets.

        Also an app that is invalid from its beginning: it takes its routes, and answers 503 there, until it is gone.
        """
        settings = isolated.configuration.settings_fingerprint != self.configuration.settings_fingerprint
        return isolated.changes_apps or settings or _answering_503(isolated) != _answering_503(self.isolated)

    def _accept(self, result: str, removed: tuple[str, ...] = ()) -> Reloaded:
        return Reloaded(
            result,
            self.configuration.fingerprint,
            invalid_apps=self.invalid_apps,
            serving_last_version=self.isolated.kept,
            removed=removed,
            at_next_start=self.at_next_start(self.configuration),
        )

    def at_next_start(self, configuration: Configuration) -> tuple[str, ...]:
        """A sentence if a configuration has settings that only a start applies, and they differ from those of this one."""
        starts_alike = configuration.options.server.starts_like(self.settings_at_start)
        if configuration.listen == self._listen_at_start and starts_alike:
            return ()
        return ("some of what changed below `server` takes effect at the next start",)

    def _reject(self, problems: Iterable[str], isolated: Isolated | None = None) -> Reloaded:
        """`isolated`: what was read, if only apps are invalid."""
        sentences = tuple(problems)
        self.refused = True
        self._log.event(
            "reload", "error", result="refused", problems=sentences, fingerprint=self.configuration.fingerprint
        )
        rejected = Reloaded("refused", self.configuration.fingerprint, sentences)
        if isolated is None:
            return rejected
        return replace(rejected, invalid_apps=errors_of(isolated), serving_last_version=isolated.kept)


def _written(
    source: Source, files: Files, valid_in: Mapping[str, Files], configuration: Configuration
) -> dict[str, Any]:
    found = comparable(source, files.replayed())
    older = {id(older): comparable(source, older.replayed()) for older in valid_in.values()}
    apps = found["apps"] | {name: older[id(files)]["apps"][name] for name, files in valid_in.items()}
    return {**found, "apps": {name: app for name, app in apps.items() if name in configuration.apps}}


def errors_of(isolated: Isolated) -> dict[str, tuple[str, ...]]:
    """The errors of each invalid app, as sentences with their places."""
    return {name: tuple(map(str, invalid.problems)) for name, invalid in isolated.invalid_apps.items()}


def _answering_503(isolated: Isolated) -> dict[str, object]:
    """The routes of each app that is not served at all."""
    return {name: invalid.routes for name, invalid in isolated.invalid_apps.items() if not invalid.serves_previous}


def _sentences(isolated: Isolated) -> dict[str, list[str]]:
    """The errors of each invalid app, without their places."""
    return {name: [problem.sentence for problem in invalid.problems] for name, invalid in isolated.invalid_apps.items()}


def log_invalid_apps(log: JsonLog, isolated: Isolated) -> None:
    """Write an error for each app that is not served as it is written. Apps with the same problems share one."""
    alike: dict[object, list[str]] = {}
    for name, invalid in isolated.invalid_apps.items():
        alike.setdefault((invalid.serves_previous, *(problem.for_any_app for problem in invalid.problems)), []).append(
            name
        )
    for names in alike.values():
        invalid_apps = [isolated.invalid_apps[name] for name in names]
        serves = "its last valid version" if invalid_apps[0].serves_previous else "nothing: its routes answer 503"
        problems = fold(problem for invalid in invalid_apps for problem in invalid.problems)
        which = {"app": names[0]} if len(names) == 1 else {"apps": names}
        log.event("invalid_app", "error", **which, serves=serves, problems=problems)
