"""What the commands share: the environment, the directory, and the options that name a configuration and an app."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from tokend.config.loading import Source, load
from tokend.issuing.configuration import App, Configuration


class Context(Struct, frozen=True):
    """Where a command runs. `environment` includes the variables of `.env`; `directory` is the working directory."""

    environment: Mapping[str, str]
    directory: Path

    def source(self, options: argparse.Namespace) -> Source:
        """Where the configuration comes from, for a server that reads it again on a reload."""
        return Source(options.config, os.environ, self.directory)

    def configuration(self, options: argparse.Namespace) -> Configuration:
        """The configuration of `--config` or its defaults; `ConfigurationError` with every error."""
        return load(options.config, self.environment, self.directory)


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `--config`."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the YAML file (default: TOKEND_CONFIG, ./config.yaml, or APP_ID and APP_CERTIFICATE in the environment)",
    )


def add_app(parser: argparse.ArgumentParser) -> None:
    """Add `--app`."""
    parser.add_argument("--app", metavar="NAME", help="the app (optional if there is only one)")


def chosen_app(configuration: Configuration, name: str | None) -> App:
    """The app of this name, or the only app. Exits with code 2 if there is no such app or no name."""
    if name is None and len(configuration.apps) == 1:
        return next(iter(configuration.apps.values()))
    if name is None or name not in configuration.apps:
        problem = "name the app" if name is None else f"there is no app {name}"
        fail(f"{problem}: --app {' | '.join(sorted(configuration.apps))}")
    return configuration.apps[name]


def counted(count: int, noun: str) -> str:
    """`1 app`, `2 apps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def fail(sentence: str) -> NoReturn:
    """Report wrong usage on standard error and exit with code 2."""
    print(f"tokend: {sentence}", file=sys.stderr)
    raise SystemExit(2)
