"""`completion`: a script with which a shell completes commands, options and files. shtab writes it from the parsers."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from tokend.cli.context import CommandFailed
from tokend.installing import install_command

SHELLS: Final = ("bash", "zsh", "fish")
_FILES: Final = ("FILE", "@FILE", "PATH")
"""The metavars of arguments that name a file."""


def add_commands(commands: "argparse._SubParsersAction[Any]", whole: argparse.ArgumentParser) -> None:
    """Add `completion`. `whole`: the parser of all commands, which the script describes."""
    parser = commands.add_parser(
        "completion",
        help="print a script that completes tokend's commands and options in a shell",
        description="Print a script for a shell, which then completes tokend's commands, options and files on TAB.",
        epilog="For bash, in ~/.bashrc: . <(tokend completion bash)",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads the script: bash, zsh or fish")
    parser.set_defaults(run=lambda options, context: _completion(options.shell, whole))


def _completion(shell: str, whole: argparse.ArgumentParser) -> int:
    try:
        import shtab  # an extra, which only this command needs
    except ImportError:
        raise CommandFailed(f"the package shtab is missing: {install_command('completion')}") from None
    _complete_files(whole, shtab.FILE)
    print(shtab.complete(whole, shell))
    return 0


def _complete_files(parser: argparse.ArgumentParser, files: Mapping[str, object]) -> None:
    """Say of each argument that names a file that it is one. `files`: how each shell completes them."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command, files)
        elif action.metavar in _FILES or action.dest == "file":
            action.complete = files  # type: ignore[attr-defined]  # what shtab looks for
