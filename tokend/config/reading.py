"""Reads the files of a configuration: YAML with its includes, and `.env`. Raises `ConfigurationError`."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

from tokend.config.files import Files, printable, utf8_text
from tokend.config.problems import ConfigurationError, Problem
from tokend.config.yaml_tree import LocatedDict, Location, YamlError, parse
from tokend.core.validation import redact_secrets

DOTENV: Final = ".env"
MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of one configuration file."""
_NO_APP: Final = "holds no app: write the app's keys, {} if it has none of its own, or delete the file"


def read_tree(path: Path, name: str, files: Files) -> tuple[LocatedDict, dict[str, tuple[Problem, ...]]]:
    """The tree of a file with its includes, and the problems of included files that cannot be read, by app.

    Each included file is an app, named like the file.
    """
    problems: list[Problem] = []
    of_apps: dict[str, tuple[Problem, ...]] = {}
    tree = read_file(path, name, files)
    apps = tree.get("apps")
    for pattern in _include_patterns(tree):
        if apps is None or isinstance(apps, LocatedDict):  # otherwise the models report what is wrong
            _include(pattern, path.parent, tree, files, problems, of_apps)
    if problems:
        raise ConfigurationError(problems)
    return tree, of_apps


def _include_patterns(tree: LocatedDict) -> list[str]:
    written = tree.get("include")
    return [pattern for pattern in (written if isinstance(written, list) else [written]) if isinstance(pattern, str)]


def unmatched_includes(tree: LocatedDict, base: Path, files: Files) -> list[str]:
    """A warning for each pattern of `include` that matches no file. The patterns have been listed."""
    return [
        f"{tree.locations['include']}: include: no file matches {redact_secrets(pattern)} in {base.resolve()}, "
        "so it adds no app; correct the pattern, or leave it out"
        for pattern in _include_patterns(tree)
        if not files.listed(pattern, base)
    ]


def _include(
    pattern: str,
    base: Path,
    tree: LocatedDict,
    files: Files,
    problems: list[Problem],
    of_apps: dict[str, tuple[Problem, ...]],
) -> None:
    location = tree.locations["include"]
    if not pattern.strip("/") or "\0" in pattern:
        problems.append(
            Problem(location, ("include",), "must be the path of a file, or a pattern such as apps.d/*.yaml")
        )
        return
    try:
        found = [base / name for name in files.listing(pattern, base)]
    except OSError as error:  # its apps must not count as removed
        sentence = f"the folder of {redact_secrets(pattern)} cannot be read: {error.strerror}"
        problems.append(Problem(location, ("include",), sentence))
        return
    if not found and not any(sign in pattern for sign in "*?["):
        problems.append(Problem(location, ("include",), f"there is no file {redact_secrets(pattern)}"))
    apps = tree.get("apps")
    if not isinstance(apps, LocatedDict):
        apps = LocatedDict(location)
        tree.put("apps", apps, location)
    for path in found:
        name = printable(str(path.relative_to(base)) if path.is_relative_to(base) else str(path))
        app_name = printable(path.stem)
        app, of_file = LocatedDict(Location(name)), list[Problem]()
        try:
            app = read_file(path, name, files, holds_app=True)
        except ConfigurationError as error:
            of_file += error.problems
        if app_name in apps:
            where = apps.locations[app_name]
            of_file.append(Problem(Location(name), ("apps", app_name), f"stands in {where} already"))
        else:
            apps.put(app_name, app, Location(name, 1, 1))
        if of_file:
            of_apps[app_name] = of_apps.get(app_name, ()) + tuple(of_file)


def read_file(path: Path, name: str, files: Files, *, holds_app: bool = False) -> LocatedDict:
    """The tree of one file. Raises `ConfigurationError`. `holds_app`: it has to hold an app."""
    text = _text(path, name, files)
    try:
        tree = parse(text, name, "app_id: …") if holds_app else parse(text, name)
    except YamlError as error:
        raise ConfigurationError([Problem(location, (), sentence) for location, sentence in error.problems]) from error
    if holds_app and tree.is_blank:
        raise ConfigurationError([Problem(Location(name), (), _NO_APP)])
    return tree


def _text(path: Path, name: str, files: Files) -> str:
    """What a file holds. Raises `ConfigurationError`."""
    try:
        raw = files.read(path, MAX_FILE)
    except OSError as error:
        raise ConfigurationError([Problem(Location(name), (), f"cannot be read: {error.strerror}")]) from error
    if len(raw) > MAX_FILE:
        raise ConfigurationError([Problem(Location(name), (), "is over 16 MiB")])
    text = utf8_text(raw)
    if text is None:
        raise ConfigurationError([Problem(Location(name), (), "is not UTF-8 text")])
    return text


def with_dotenv(environment: Mapping[str, str], directory: Path, files: Files | None = None) -> dict[str, str]:
    """The environment with the variables of `.env` that it does not set. Raises `ConfigurationError`."""
    path, files = directory / DOTENV, files or Files()
    bindings = list(parse_stream(StringIO(_text(path, DOTENV, files) if files.is_file(path) else "")))
    # an unread line may hide the lines after it: a quote ends at the next one
    lines = [binding.original.line for binding in bindings if binding.error]
    if lines:
        sentence = "is not NAME=VALUE, or a quote in it does not end"
        raise ConfigurationError([Problem(Location(DOTENV, line, 1), (), sentence) for line in lines])
    filled = {binding.key: binding.value for binding in bindings}
    return {key: value for key, value in filled.items() if key and value is not None} | dict(environment)
