"""The `tokend` command. Exit codes: 0 success, 1 the command failed or its result is negative, 2 usage, 78 configuration."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokend import __version__
from tokend.cli import audit, configuration, deny, keys, kick, reload, serving, tokens
from tokend.cli.context import Context, counted
from tokend.config.loading import ConfigurationError, with_dotenv

EXIT_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h, which service managers know."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. `arguments`: by default those of the process."""
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
        description="Issues short-lived access tokens for real-time services, only to callers whose rules allow them.",
        epilog="Exit codes: 0 success, 1 failure or a negative result, 2 wrong usage, 78 errors in the configuration.",
    )
    parser.add_argument("--version", action="version", version=f"tokend {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (serving, reload, configuration, tokens, keys, audit, deny, kick):
        module.add_commands(commands)
    return parser
