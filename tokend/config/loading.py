"""Loads the configuration from files and the environment. Raises `ConfigurationError` with every problem."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from tokend.config import environment as environment_only
from tokend.config.apps import BuiltApp
from tokend.config.assemble import Assembled, assemble_apps, merge_apps
from tokend.config.change import Change, change_to, changed_by
from tokend.config.collector import paused_collector
from tokend.config.exposed_files import exposed_files
from tokend.config.files import Files, printable
from tokend.config.isolation import InvalidApp, Isolated, isolate
from tokend.config.problems import ConfigurationError, Problem
from tokend.config.reading import DOTENV, read_file, read_tree, unmatched_includes, with_dotenv
from tokend.config.secrets import Secrets
from tokend.config.served import Served
from tokend.config.showing import plain
from tokend.config.yaml_tree import LocatedDict, Location
from tokend.core.listening import Listen, is_port, listening_address, port_variable
from tokend.issuing.configuration import Configuration
from tokend.issuing.server_settings import Admin, ServerSettings

DEFAULT_FILE: Final = "config.yaml"


class Source(Struct, frozen=True):
    """Where a configuration comes from: the file (None: as `find` decides), the environment variables, the directory."""

    file: str | None
    environment: Mapping[str, str]
    directory: Path
    dotenv: bool = True
    """Whether `.env` in the directory adds variables that the environment does not set."""

    def __repr__(self) -> str:
        """Without the environment, which holds secrets."""
        return f"{type(self).__name__}({self.file!r}, {str(self.directory)!r})"

    def variables(self, files: Files) -> Mapping[str, str]:
        """The environment with what `.env` adds to it."""
        return with_dotenv(self.environment, self.directory, files) if self.dotenv else self.environment

    def load(self, files: Files) -> Configuration:
        """The configuration as it is now. Raises `ConfigurationError` with every problem.

        `files` records what is read, or replays a record.
        """
        isolated = self.load_isolated(files)
        if isolated.problems:
            raise ConfigurationError(list(isolated.problems))
        return isolated.configuration

    @paused_collector()
    def load_isolated(self, files: Files, previous: Configuration | None = None) -> Isolated:
        """The same without the apps that are invalid, or with their last valid versions if `previous` has them.

        Raises `ConfigurationError` for errors outside the apps, and for any error if `server.on_invalid_app` is `refuse`.
        """
        reading = _Reading(self, files, previous)
        port_problems = _port_problems(reading.environment)
        try:
            isolated = isolate(reading.assembled(previous), reading.unreadable, previous)
            if port_problems:
                raise ConfigurationError(list(isolated.problems))
        except ConfigurationError as error:
            raise ConfigurationError([*map(environment_only.named, error.problems), *port_problems]) from None
        configuration = reading.finished(isolated.configuration)
        change = None if previous is None else reading.change_to(configuration, isolated)
        problems = tuple(map(environment_only.named, isolated.problems))
        return replace(isolated, configuration=configuration, problems=problems, change=change)

    @paused_collector()
    def load_served(self, served: Served) -> Isolated:
        """The same as another process serves, which has checked it. Raises `ConfigurationError` if an app is invalid here."""
        kept: dict[str, BuiltApp] = {}
        for record, names in served.valid_in:
            kept |= _Reading(self, Files(record)).assembled(only=names).valid(names)
        reading = _Reading(self, Files(served.files))
        assembled = reading.assembled()
        apps = assembled.valid([name for name in served.apps if name not in kept]) | kept
        configuration = reading.finished(assembled.with_apps(apps[name] for name in served.apps))
        return Isolated(configuration, {name: InvalidApp((), routes) for name, routes in served.taken_routes.items()})

    def changed_by(self, change: Change, served: Configuration) -> Configuration | None:
        """The configuration that follows by a change from the one that is served; None as in `change.changed_by`."""
        files = Files(change.files)
        environment = self.variables(files)
        with paused_collector():
            found = changed_by(change, served, files, environment)
        return None if found is None else _in_environment(found, environment)


def load(
    file: str | None, environment: Mapping[str, str], directory: Path, files: Files | None = None
) -> Configuration:
    """The configuration of a source without `.env`."""
    return Source(file, environment, directory, dotenv=False).load(files or Files())


def load_for_start(source: Source, files: Files) -> Isolated:
    """What a server starts with; `ConfigurationError` with every problem where no app at all is valid."""
    isolated = source.load_isolated(files)
    if not isolated.configuration.apps:
        raise ConfigurationError(list(isolated.problems))
    return isolated


class _Reading:
    """Reads the configuration once. `unreadable`: problems of the apps whose file cannot be read."""

    def __init__(self, source: Source, files: Files, previous: Configuration | None = None) -> None:
        """`previous`: what is served. If its file is gone, the environment alone must not replace it."""
        self.environment = source.variables(files)
        self._directory = source.directory
        self._files = files
        before = files.names  # such as `.env`
        served = None if previous is None or previous.source == environment_only.SOURCE else previous.source
        try:
            written = find(source.file, self.environment, source.directory, files, served)
        except ConfigurationError as error:
            raise ConfigurationError(error.problems + _port_problems(self.environment)) from None
        self.unreadable = written.unreadable
        self._written = written
        self._texts = files.names - before
        self._secrets = Secrets(self.environment, written.base, files)

    def assembled(self, previous: Configuration | None = None, only: Collection[str] | None = None) -> Assembled:
        """`only`: names of the apps to build; None: all."""
        if only is not None:
            for name in self._written.tree["apps"].keys() - set(only):
                del self._written.tree["apps"][name]
        served = {} if previous is None else previous.built_apps
        assembled = assemble_apps(self._written.tree, self._written.source, self._secrets, served)
        if not _port_problems(self.environment):
            _check_listeners(assembled, self.environment)
        return assembled

    def finished(self, configuration: Configuration) -> Configuration:
        """The configuration with the settings of the environment and the fingerprint of all that was read."""
        warnings = (
            *unmatched_includes(self._written.tree, self._written.base, self._files),
            *exposed_files(
                self._files.modes,
                self._directory / DOTENV,
                self._secrets.paths,
                readable_files=configuration.options.secrets.readable_files,
            ),
            *configuration.warnings,
        )
        if self._written.source == environment_only.SOURCE:
            warnings = environment_only.hinted(warnings)
        fingerprint = self._files.digest(self._secrets.variables_used())
        return _in_environment(replace(configuration, warnings=warnings, fingerprint=fingerprint), self.environment)

    def change_to(self, configuration: Configuration, isolated: Isolated) -> Change:
        """What distinguishes the configuration from the previous one."""
        changed = isolated.added | isolated.changed
        files, written = self._files.record(without=self._texts), self._written
        return change_to(configuration, isolated.taken_routes, changed, written.tree, written.base, files)


def _check_listeners(assembled: Assembled, environment: Mapping[str, str]) -> None:
    """Report one address for both listeners. Without `listen`, an option of `serve` may still make the difference."""
    server = assembled.configuration.options.server
    listen = listening_address(server.listen, environment)
    if "listen" in server.model_fields_set and server.admin and server.admin.listen == listen and listen.port:
        sentence = "listen and admin are the same address: give admin another port, such as 8081"
        assembled.report.add_after(("server",), sentence)


def _in_environment(configuration: Configuration, environment: Mapping[str, str]) -> Configuration:
    """The configuration with what variables say of its listener."""
    return replace(
        configuration,
        listen=listening_address(configuration.listen, environment),
        platform_port=bool(environment.get("PORT")) and not environment.get("SERVER_PORT"),
    )


def comparable(source: Source, files: Files) -> dict[str, Any]:
    """`{"apps": …, "settings": …}` as `files` have it, to compare and never to show: with the digests of keys.

    The apps are merged with `defaults`. `settings` is what stands outside the apps, such as `server`.
    """
    tree = find(source.file, source.variables(files), source.directory, files).tree
    settings = {key: plain(value) for key, value in tree.items() if key not in ("apps", "defaults", "include")}
    return {"apps": plain(merge_apps(tree).get("apps")), "settings": settings}


def exists(environment: Mapping[str, str], directory: Path) -> bool:
    """Whether `find` finds a configuration that no option names."""
    return _file_name(None, environment, directory, Files()) is not None or not environment_only.missing(environment)


class Written(Struct, frozen=True):
    """What is written: the tree, its source in words, and the directory of its relative paths.

    `unreadable`: the problems of the apps whose file cannot be read.
    """

    tree: LocatedDict
    source: str
    base: Path
    unreadable: Mapping[str, tuple[Problem, ...]] = {}


def find(
    file: str | None, environment: Mapping[str, str], directory: Path, files: Files, served: str | None = None
) -> Written:
    """What the named file says, else TOKEND_CONFIG, else config.yaml in `directory`, else only the environment.

    `served`: the file that is served. Where it is gone, or nothing names it now, this is an error: a worker that reads
    the same record later knows no such file, and would serve the environment alone.
    """
    name = _file_name(file, environment, directory, files)
    if name is None and served not in (None, DEFAULT_FILE):
        sentence = "is served, but nothing names it now: set TOKEND_CONFIG again"
        raise ConfigurationError([Problem(Location(served), (), sentence)])
    name = name or served
    if name is not None:
        path, name = directory / name, printable(name)
        tree, unreadable = read_tree(path, name, files)
        return Written(tree, name, path.parent, unreadable)
    if missing := environment_only.missing(environment):
        unset = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        sentence = f"there is no {DEFAULT_FILE} here, and {unset}: name a file with --config, or set all of them"
        raise ConfigurationError([Problem(Location("configuration"), (), sentence)])
    return Written(environment_only.tree_of(environment), environment_only.SOURCE, directory)


def _file_name(file: str | None, environment: Mapping[str, str], directory: Path, files: Files) -> str | None:
    """The name of the file to read; None if only the environment is read."""
    if file == "":  # as of a variable that is not set: what else is there must not be served in its place
        raise ConfigurationError([Problem(Location("configuration"), (), "the name of its file is empty")])
    there = DEFAULT_FILE if files.has(directory / DEFAULT_FILE) else None
    return file or environment.get("TOKEND_CONFIG") or there


def read_server(file: str | None, environment: Mapping[str, str], directory: Path) -> tuple[Listen, Admin | None]:
    """The listener of this configuration and its admin settings. Checks nothing else."""
    if problems := _port_problems(environment):
        raise ConfigurationError(problems)
    files = Files()
    name = _file_name(file, environment, directory, files)
    tree = read_file(directory / name, printable(name), files) if name is not None else {}
    written = plain(tree.get("server") or {})
    found: dict[str, Any] = {"listen": Listen(), "admin": None}
    for key in list(found.keys() & written.keys()) if isinstance(written, dict) else ():
        with suppress(ValidationError):  # each alone: a mistake in one, or between them, does not hide the other
            found[key] = getattr(ServerSettings.model_validate({key: written[key]}), key)
    return listening_address(found["listen"], environment), found["admin"]


def _port_problems(environment: Mapping[str, str]) -> list[Problem]:
    name = port_variable(environment)
    if name is None or is_port(environment[name]):
        return []
    return [Problem(Location(environment_only.SOURCE), (name,), "must be a port, 0 to 65535")]


__all__ = ["ConfigurationError", "Files", "Source", "load", "read_server"]
