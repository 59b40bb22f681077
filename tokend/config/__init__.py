"""YAML, files and the environment -> a ready, immutable Setup, or every problem at once (`ConfigError`)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from glob import glob
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from tokend import plugins
from tokend.backends.contract import Backend
from tokend.config import environment as environment_only
from tokend.config.assemble import assemble, merge_apps
from tokend.config.problems import ConfigError, Problem
from tokend.config.secrets import Secrets
from tokend.config.values import host_and_port
from tokend.config.yaml_tree import Map, Mark, YamlError, parse
from tokend.setup import Listen, Setup
from tokend.validation import shown

DEFAULT_FILE: Final = "config.yaml"
MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of one configuration file."""
_PORT_VARIABLES: Final = ("SERVER_PORT", "PORT")
_PORT: Final = re.compile(r"[0-9]{1,5}")


def load(
    file: str | None,
    environment: Mapping[str, str],
    directory: Path,
    load_backend: Callable[[str], type[Backend]] = plugins.load,
) -> Setup:
    """The Setup that `find` finds. `environment`: the variables, `.env` included (`with_dotenv`)."""
    problems = _port_problems(environment)
    try:
        tree, source, base = find(file, environment, directory)
        setup = assemble(tree, source, Secrets(environment, base), cache(load_backend))
    except ConfigError as error:
        raise ConfigError([environment_only.named(one) for one in error.problems] + problems) from None
    if problems:
        raise ConfigError(problems)
    if source == environment_only.SOURCE:
        setup = replace(setup, warnings=environment_only.hinted(setup.warnings))
    platform_port = bool(environment.get("PORT")) and not environment.get("SERVER_PORT")
    return replace(setup, listen=_listen(setup.listen, environment), platform_port=platform_port)


def find(file: str | None, environment: Mapping[str, str], directory: Path) -> tuple[Map, str, Path]:
    """The tree, its source in words, and where its relative paths begin.

    The named file, else TOKEND_CONFIG, else config.yaml in `directory`, else the environment alone.
    """
    name = _file_name(file, environment, directory)
    if name is not None:
        path = directory / name
        return read_tree(path, name), name, path.parent
    if not environment.get("APP_ID") or not environment.get("APP_CERTIFICATE"):
        missing = [name for name in ("APP_ID", "APP_CERTIFICATE") if not environment.get(name)]
        unset = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        sentence = f"there is no {DEFAULT_FILE} here, and {unset}: name a file with --config, or set both variables"
        raise ConfigError([Problem(Mark("configuration"), (), sentence)])
    return environment_only.tree_of(environment), environment_only.SOURCE, directory


def _file_name(file: str | None, environment: Mapping[str, str], directory: Path) -> str | None:
    """The file that counts, None where it is the environment alone."""
    there = DEFAULT_FILE if (directory / DEFAULT_FILE).is_file() else None
    return file or environment.get("TOKEND_CONFIG") or there


def read_listen(file: str | None, environment: Mapping[str, str], directory: Path) -> Listen:
    """Where the server of this configuration listens; nothing else of it is needed or checked."""
    if problems := _port_problems(environment):
        raise ConfigError(problems)
    name = _file_name(file, environment, directory)
    tree = _read(directory / name, name, []) if name is not None else {}
    server = tree.get("server")
    written = server.get("listen") if isinstance(server, Map) else None
    try:
        listen = Listen(*host_and_port(written)) if isinstance(written, str) else Listen()
    except ValueError:
        listen = Listen()
    return _listen(listen, environment)


def with_dotenv(environment: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The environment, and what `.env` says where the environment lacks it."""
    path = directory / ".env"
    try:
        filled = dotenv_values(path, interpolate=False) if path.is_file() else {}
    except OSError as error:
        raise ConfigError([Problem(Mark(".env"), (), f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(Mark(".env"), (), "is not UTF-8 text")]) from error
    return {key: value for key, value in filled.items() if value is not None} | dict(environment)


def read_tree(path: Path, name: str) -> Map:
    """The file with its includes: each of these is one app, named like its file."""
    problems: list[Problem] = []
    tree = _read(path, name, problems)
    written = tree.get("include")
    patterns = written if isinstance(written, list) else [written]
    apps = tree.get("apps")
    for pattern in patterns:
        if isinstance(pattern, str) and (apps is None or isinstance(apps, Map)):  # else the shape pass complains
            _include(pattern, path.parent, tree, problems)
    if problems:
        raise ConfigError(problems)
    return tree


def _include(pattern: str, base: Path, tree: Map, problems: list[Problem]) -> None:
    mark = tree.marks["include"]
    if not pattern.strip("/") or "\0" in pattern:
        problems.append(Problem(mark, ("include",), "must be the path of a file, or a pattern such as apps.d/*.yaml"))
        return
    # not Path.glob, which raises on patterns such as a**b
    found = [base / name for name in sorted(glob(pattern, root_dir=base))]  # noqa: PTH207  # see above
    if not found and not any(sign in pattern for sign in "*?["):
        problems.append(Problem(mark, ("include",), f"there is no file {shown(pattern)}"))
    apps = tree.get("apps")
    if not isinstance(apps, Map):
        apps = Map(mark)
        tree.put("apps", apps, mark)
    for path in found:
        name = str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
        app = _read(path, name, problems)
        if path.stem in apps:
            where = apps.marks[path.stem]
            problems.append(Problem(Mark(name), ("apps", path.stem), f"stands in {where} already"))
        else:
            apps.put(path.stem, app, Mark(name, 1, 1))


def _read(path: Path, name: str, problems: list[Problem]) -> Map:
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            problems.append(Problem(Mark(name), (), "is over 16 MiB"))
        else:
            return parse(raw.decode(), name)
    except OSError as error:
        problems.append(Problem(Mark(name), (), f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        problems.append(Problem(Mark(name), (), "is not UTF-8 text"))
    except YamlError as error:
        problems += [Problem(mark, (), sentence) for mark, sentence in error.problems]
    return Map(Mark(name))


def _listen(written: Listen, environment: Mapping[str, str]) -> Listen:
    """TOKEND_HOST, and SERVER_PORT then PORT, go before `server.listen`."""
    host = environment.get("TOKEND_HOST") or written.host
    for name in _PORT_VARIABLES:
        if environment.get(name):
            return Listen(host, int(environment[name]))
    return Listen(host, written.port)


def _port_problems(environment: Mapping[str, str]) -> list[Problem]:
    name = next((one for one in _PORT_VARIABLES if environment.get(one)), None)
    if name is None or (_PORT.fullmatch(environment[name]) and int(environment[name]) <= 65_535):
        return []
    return [Problem(Mark(environment_only.SOURCE), (name,), "must be a port, 0 to 65535")]


__all__ = ["ConfigError", "find", "load", "merge_apps", "read_listen", "read_tree", "with_dotenv"]
