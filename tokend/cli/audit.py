"""`audit verify`: check whether an audit file is complete and unchanged."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from tokend.cli.context import Context, counted
from tokend.core.audit_records import verify

LONGEST_LINE: Final = 1 << 20
"""Bytes. A longer line cannot be of an audit, and is read in pieces to save memory."""


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `audit verify`."""
    audit = commands.add_parser("audit", help="check audit files", description="Check audit files.")
    verbs = audit.add_subparsers(title="commands", metavar="verify", required=True)
    check = verbs.add_parser(
        "verify",
        help="check a file's hash chains and sequence numbers",
        description="Report every line that is torn, missing, out of order or changed. Exit code 1 if there is one.",
    )
    check.add_argument("file", help="the file, or - for standard input; join rotated files, the oldest first")
    check.set_defaults(run=_verify)


def _verify(options: argparse.Namespace, context: Context) -> int:
    lines = problems = 0

    def counted_lines(stream: BinaryIO) -> Iterator[bytes]:
        nonlocal lines
        while line := stream.readline(LONGEST_LINE):
            lines += 1
            yield line

    try:
        with sys.stdin.buffer if options.file == "-" else Path(options.file).open("rb") as stream:
            for finding in verify(counted_lines(stream)):
                problems += 1
                print(f"{options.file}:{finding.line}: {finding.sentence}")
    except OSError as error:
        print(f"tokend: {options.file} cannot be read: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{counted(lines, 'line')}, {counted(problems, 'problem')}")
    return 1 if problems else 0
