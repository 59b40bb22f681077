"""The `tokend` command. Exit codes: 0, 1 (the answer is no), 2 (usage), 78 (the configuration has problems)."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokend import __version__
from tokend.cli import audit, configuration, keys, kick, reload, serving, tokens
from tokend.cli.context import Context, counted
from tokend.config.loading import ConfigurationError, with_dotenv

EXIT_CONFIG: Final = 78
"""sysexits' EX_CONFIG, which service managers know."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 2
    directory = Path.cwd()
    try:
        code: int = options.run(options, Context(with_dotenv(os.environ, directory), directory))
    except ConfigurationError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        print(f"{counted(len(error.problems), 'problem')}; nothing was started", file=sys.stderr)
        return EXIT_CONFIG
    except BrokenPipeError:  # `tokend … | head`
        sys.stderr.close()
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tokend",
        description="Issues short-lived tokens for real-time services, only to callers that it has reason to trust.",
        epilog="Exit codes: 0 fine, 1 the answer is no, 2 wrong usage, 78 problems in the configuration.",
    )
    parser.add_argument("--version", action="version", version=f"tokend {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for room in (serving, reload, configuration, tokens, keys, audit, kick):
        room.add_commands(commands)
    return parser
