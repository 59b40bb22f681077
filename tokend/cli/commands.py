"""All commands behind one parser. `tokend.cli.main` calls it."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tokend import __version__
from tokend.adapters.deny_lists import CannotUse
from tokend.cli import (
    EXIT_CONFIG,
    audit,
    completion,
    configuration,
    console,
    deny,
    health,
    keys,
    kick,
    kinds,
    reload,
    serving,
    tokens,
)
from tokend.cli.context import CommandFailed, Context, counted
from tokend.cli.usage import Parser
from tokend.config.loading import ConfigurationError
from tokend.config.problems import fold
from tokend.config.reading import with_dotenv
from tokend.core.errors import ApiError


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    parser = _parser()
    options = _parsed(parser, arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 2
    if sys.stdout is None and options.run is not serving.serve:
        print("tokend: the output cannot be written: standard output is closed", file=sys.stderr)
        return 1
    try:
        directory = Path.cwd()
    except FileNotFoundError:
        print("tokend: the working directory has been deleted: change to another one", file=sys.stderr)
        return 1
    try:
        code: int = options.run(options, Context(with_dotenv(os.environ, directory), directory))
    except ConfigurationError as error:
        for line in fold(error.problems):
            print(line, file=sys.stderr)
        print(f"{counted(len(error.problems), 'problem')}; invalid configuration", file=sys.stderr)
        return EXIT_CONFIG
    except ApiError as error:
        print(f"tokend: {error.code}: {error.operator or error.detail}", file=sys.stderr)
        return 1
    except (CommandFailed, CannotUse) as error:
        print(f"tokend: {error}", file=sys.stderr)
        return 1
    return code


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """The options. FIELD=VALUE may also stand after options that follow KIND, where argparse takes none."""
    options, further = parser.parse_known_args(arguments)
    takes_fields = hasattr(options, "fields")
    if unknown := [word for word in further if not takes_fields or word.startswith("-")]:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if takes_fields:
        options.fields += further
    return options


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="tokend",
        description="Issues short-lived access tokens for real-time services, only to callers whose rules allow them.",
        epilog="Exit codes: 0 success, 1 failure or a negative result, 2 wrong usage, 78 errors in the configuration.",
    )
    parser.add_argument("--version", action="version", version=f"tokend {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (serving, health, reload, configuration, tokens, kinds, keys, audit, deny, kick, console):
        module.add_commands(commands)
    completion.add_commands(commands, parser)
    return parser
