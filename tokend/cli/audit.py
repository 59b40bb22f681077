"""`audit verify`: check whether an audit file is complete and unchanged."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from tokend.cli.context import CommandFailed, Context, counted, standard_input
from tokend.cli.output import print_line
from tokend.core.audit_records import ChainState, verify
from tokend.core.validation import redact_secrets

LONGEST_LINE: Final = 1 << 20
"""Bytes. A longer line cannot be of an audit, and is read in pieces to save memory."""

MAX_SHOWN: Final = 20
"""The most chains that are shown one by one."""


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `audit verify`."""
    audit = commands.add_parser("audit", help="check audit files", description="Check audit files.")
    verbs = audit.add_subparsers(title="commands", metavar="verify", required=True)
    check = verbs.add_parser(
        "verify",
        help="check a file's hash chains and sequence numbers",
        description="Report every line that is cut off, missing, out of order or changed, and which chains were not closed: "
        "their writers run, or were killed. Exit code 1 if a line is wrong.",
    )
    check.add_argument("file", help="the file, or - for standard input; join rotated files, the oldest first")
    check.add_argument(
        "--continued",
        action="store_true",
        help="older files were deleted: chains may begin in them. Lines that were removed at the beginning are not noticed",
    )
    check.set_defaults(run=_verify)


def _verify(options: argparse.Namespace, context: Context) -> int:
    lines = problems = 0
    chains: dict[str, ChainState] = {}

    def counted_lines(stream: BinaryIO) -> Iterator[bytes]:
        nonlocal lines
        while line := stream.readline(LONGEST_LINE):
            lines += not line.isspace()  # spaces that a killed writer, or a full disk, left
            yield line

    try:
        with standard_input().buffer if options.file == "-" else Path(options.file).open("rb") as stream:
            for finding in verify(counted_lines(stream), chains, continued=options.continued):
                problems += 1
                print_line(f"{options.file}:{finding.line}: {finding.sentence}")
    except OSError as error:
        raise CommandFailed(f"{redact_secrets(options.file)} cannot be read: {error.strerror}") from error
    open_chains = {writer: chain for writer, chain in chains.items() if not chain.closed}
    for writer, chain in list(open_chains.items())[:MAX_SHOWN]:
        print_line(f"not closed: writer {writer}, sequence {chain.sequence}, sha256 {chain.hash}")
    print_line(
        f"{counted(len(chains), 'chain')}: {len(chains) - len(open_chains)} closed, {len(open_chains)} not closed"
    )
    print_line(f"{counted(lines, 'line')}, {counted(problems, 'problem')}")
    return 1 if problems else 0
