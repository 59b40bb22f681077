"""`key new` and `key hash`; `key url` is `urls.py`'s.

A key is never an argument: arguments are seen by every user of a machine.
"""

import argparse
import getpass
import secrets
import sys
from typing import Any

from tokend.auth.key_digests import digest_of
from tokend.cli import urls
from tokend.cli.context import Context


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    key = commands.add_parser(
        "key",
        help="make API keys, their hashes and signed URLs",
        description="Make API keys, their hashes and signed URLs.",
    )
    verbs = key.add_subparsers(title="commands", metavar="new|hash|url", required=True)
    new = verbs.add_parser("new", help="make a key", description="Print a new key, and its hash for the configuration.")
    new.set_defaults(run=_new)
    hashed = verbs.add_parser(
        "hash", help="hash a key", description="Read a key from standard input and print its hash."
    )
    hashed.set_defaults(run=_hash)
    urls.add_command(verbs)


def _new(options: argparse.Namespace, context: Context) -> int:
    key = secrets.token_urlsafe(32)
    print(f"key, for the caller:          {key}")
    print(f'hash, for the configuration:  api_key: "{digest_of(key)}"  (or url_key, for a key in the URL)')
    return 0


def _hash(options: argparse.Namespace, context: Context) -> int:
    key = getpass.getpass("key: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not key or not all("!" <= one <= "~" for one in key):
        print("tokend: a key is visible ASCII text without spaces", file=sys.stderr)
        return 1
    print(digest_of(key))
    return 0
