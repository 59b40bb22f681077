"""`audit verify`: whether an audit file is whole."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tokend.audit import verify
from tokend.cli.context import Context, counted


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    audit = commands.add_parser("audit", help="check audit files", description="Check audit files.")
    verbs = audit.add_subparsers(title="commands", metavar="verify", required=True)
    check = verbs.add_parser(
        "verify",
        help="check a file's chains and sequences",
        description="Tell every line that is torn, missing, out of order or changed. Exit 1 if there is one.",
    )
    check.add_argument("file", help="the file, or - for standard input; give rotated files joined, oldest first")
    check.set_defaults(run=_verify)


def _verify(options: argparse.Namespace, context: Context) -> int:
    try:
        raw = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    except OSError as error:
        print(f"tokend: {options.file} cannot be read: {error.strerror}", file=sys.stderr)
        return 1
    lines = raw.splitlines()
    findings = list(verify(lines))
    for finding in findings:
        print(f"{options.file}:{finding.line}: {finding.sentence}")
    print(f"{counted(len(lines), 'line')}, {counted(len(findings), 'problem')}")
    return 1 if findings else 0
