"""The `tokend` command. Exit codes: 0 success, 1 the command failed or its result is negative, 2 usage, 78 configuration."""

import sys
from collections.abc import Sequence
from typing import Final

from tokend.cli.output import run_printing

EXIT_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h, which service managers know."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. `arguments`: by default those of the process.

    `health` runs every few seconds in a container, so it imports nothing of the other commands.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["health"]:
        from tokend.cli.health import main as health

        return run_printing(lambda: health(given[1:]))
    from tokend.cli.commands import main as run

    return run_printing(lambda: run(given))
