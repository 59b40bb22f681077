"""What every command shares: the environment, the directory, and the options that name a configuration and an app."""

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
    """`environment` holds what `.env` adds already."""

    environment: Mapping[str, str]
    directory: Path

    def source(self, options: argparse.Namespace) -> Source:
        """Where the configuration comes from, for a server that reads it anew."""
        return Source(options.config, os.environ, self.directory)

    def configuration(self, options: argparse.Namespace) -> Configuration:
        """The Setup that `--config`, or what stands in its place, gives."""
        return load(options.config, self.environment, self.directory)


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the YAML file; else TOKEND_CONFIG, else ./config.yaml, else APP_ID and APP_CERTIFICATE of the environment",
    )


def add_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--app", metavar="NAME", help="the app; may be left out where there is only one")


def chosen_app(configuration: Configuration, name: str | None) -> App:
    """The app that is meant; leaves with exit code 2 where that is not clear."""
    if name is None and len(configuration.apps) == 1:
        return next(iter(configuration.apps.values()))
    if name is None or name not in configuration.apps:
        problem = "say which app" if name is None else f"there is no app {name}"
        fail(f"{problem}: --app {' | '.join(sorted(configuration.apps))}")
    return configuration.apps[name]


def counted(count: int, noun: str) -> str:
    """`1 app`, `2 apps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def fail(sentence: str) -> NoReturn:
    """Wrong usage: one line on standard error, exit code 2."""
    print(f"tokend: {sentence}", file=sys.stderr)
    raise SystemExit(2)
