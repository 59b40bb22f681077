"""`key new` and `key hash`; `key url` is in `urls.py`.

A key is never an argument of the command: other users of the machine can see those.
"""

import argparse
import getpass
import secrets
import sys
from typing import Any, Final

from tokend.auth.key_digests import digest_of
from tokend.cli import urls
from tokend.cli.context import MAX_CREDENTIAL, CommandFailed, Context, standard_input

SHORTEST: Final = 20
"""Characters of a key that is not warned of."""


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `key new`, `key hash` and `key url`."""
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


def _typed() -> str:
    """A line of standard input, without an echo on a terminal. Empty at its end; with U+FFFD if it is not UTF-8."""
    typed = standard_input()
    if not typed.isatty():
        return typed.readline(MAX_CREDENTIAL + 1).rstrip("\r\n")
    try:
        return getpass.getpass("key: ")
    except EOFError:
        return ""
    except UnicodeDecodeError:
        return "\ufffd"


def _hash(options: argparse.Namespace, context: Context) -> int:
    key = _typed()
    if not key:
        raise CommandFailed("there is no key: type it, or send it, as in tokend key hash < key.txt")
    if len(key) > MAX_CREDENTIAL:
        raise CommandFailed(f"the key is over {MAX_CREDENTIAL >> 10} KiB")
    if not all("!" <= character <= "~" for character in key):
        raise CommandFailed("a key must be printable ASCII text without spaces")
    if len(key) < SHORTEST:
        print(f"tokend: this key is short, and could be guessed: use {SHORTEST} characters or more", file=sys.stderr)
    print(digest_of(key))
    return 0
