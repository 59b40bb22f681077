"""What the commands share: the environment, the directory, and the options that name a configuration and an app."""

import argparse
import os
import re
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Final, NoReturn, TextIO
from urllib.parse import urlsplit

from msgspec import Struct

from tokend.cli.usage import without_secrets
from tokend.config.loading import ConfigurationError, Files, Source, load_for_start
from tokend.core.durations import duration
from tokend.core.listening import is_port
from tokend.issuing.configuration import App, Configuration

MAX_CREDENTIAL: Final = 64 * 1024
"""Bytes of a token or a key that a command reads."""
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, such as the end of a line of Windows, and bytes that are not UTF-8."""


class Context(Struct, frozen=True):
    """Where a command runs. `environment` includes the variables of `.env`; `directory` is the working directory."""

    environment: Mapping[str, str]
    directory: Path

    def __repr__(self) -> str:
        """Without the environment, which holds secrets."""
        return f"{type(self).__name__}({str(self.directory)!r})"

    def source(self, options: argparse.Namespace) -> Source:
        """Where the configuration comes from, for a server that reads it again on a reload."""
        return Source(options.config, os.environ, self.directory)

    def configuration(self, options: argparse.Namespace) -> Configuration:
        """The configuration of `--config` or its defaults; `ConfigurationError` with every error."""
        return self.source(options).load(Files())


def add_config(parser: argparse.ArgumentParser, used_for: str = "") -> None:
    """Add `--config`. `used_for`: what the command reads in the file, if it is not the whole of it."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help=f"the YAML file{used_for} "
        "(default: TOKEND_CONFIG, ./config.yaml, or variables such as APP_ID and APP_CERTIFICATE)",
    )


def add_app(parser: argparse.ArgumentParser) -> None:
    """Add `--app`."""
    parser.add_argument("--app", metavar="NAME", help="the app (optional if there is only one)")


def chosen_app(options: argparse.Namespace, context: Context) -> tuple[Configuration, App]:
    """The configuration, and its app of `--app`, or its only app. If `--app` is given, other apps may be invalid.

    Exits with code 2 if there is no such app or no name. Raises `ConfigurationError` with what is wrong.
    """
    name, isolated = options.app, load_for_start(context.source(options), Files())
    apps = isolated.configuration.apps
    if isolated.problems and name not in apps:
        invalid = isolated.invalid_apps.get(name)
        raise ConfigurationError(list(isolated.problems if invalid is None else invalid.problems))
    if name is None and len(apps) == 1:
        (name,) = apps
    if name not in apps:
        fail(f"{'name the app' if name is None else f'there is no app {name}'}: --app {' | '.join(sorted(apps))}")
    return isolated.configuration, apps[name]


def duration_argument(text: str) -> int:
    """The seconds of a duration on the command line, in every command: `90s`, `30m`, `1h`, or a number of seconds."""
    try:
        return duration(f"{text}s" if text.isascii() and text.isdigit() else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a number with its unit: 90s, 30m, 1h or 1d") from error


def text_argument(text: str) -> str:
    """A text on the command line that is not empty. Names may hold characters that do not show, such as U+200C."""
    if not text or _NO_TEXT.search(text):
        raise argparse.ArgumentTypeError("must be a text that is not empty, without control characters")
    return text


def url_argument(text: str) -> str:
    """A base URL on the command line, without slashes at its end: without user, query and fragment, which may be secrets."""
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and text.isprintable()
    except ValueError:
        sound = False
    if not sound or any(character in text for character in "?#@ "):
        raise argparse.ArgumentTypeError("must be like https://tokens.example.com")
    return text.rstrip("/")


def port_argument(text: str) -> int:
    """A port on the command line; 0 stands for any free one."""
    if not is_port(text):
        raise argparse.ArgumentTypeError("must be 0 to 65535")
    return int(text)


def standard_input() -> TextIO:
    """Standard input. Exits with code 2 if it is closed. What is not UTF-8 reads as U+FFFD, which no key or token has."""
    if sys.stdin is None or sys.stdin.closed:
        fail("standard input is closed: there is nothing to read")
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    return sys.stdin


def read_file(name: str, limit: int) -> bytes:
    """What a file, a pipe or, for `-`, standard input holds. Raises `OSError`, or `ValueError` if it is over `limit` bytes."""
    with standard_input().buffer if name == "-" else Path(name).open("rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ValueError(f"it is over {limit >> 20} MiB" if limit >> 20 else f"it is over {limit >> 10} KiB")
    return raw


def counted(count: int, noun: str) -> str:
    """`1 app`, `2 apps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class CommandFailed(Exception):
    """Why a command cannot do what it should, in a sentence. Standard error shows it, and the exit code is 1."""


def fail(sentence: str) -> NoReturn:
    """Report wrong usage on standard error and exit with code 2."""
    print(f"tokend: {without_secrets(sentence)}", file=sys.stderr)
    raise SystemExit(2)
