"""`plugins new`: writes the package of a new backend, to start from."""

import argparse
import re
from pathlib import Path
from typing import Any, Final

from tokend.cli.backend_template import files
from tokend.cli.context import Context, fail
from tokend.config import entry_points
from tokend.config.entry_points import BACKENDS, package_of

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KIND: Final = re.compile(r"[a-z][a-z0-9_-]*")
_MOST_CHARACTERS: Final = 40


def add_command(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Add `plugins new`."""
    new = verbs.add_parser(
        "new",
        help="write a new backend to start from",
        description="Write a package with a backend that works, and its tests, into the new directory tokend-NAME.",
    )
    new.add_argument("name", metavar="NAME", help="the vendor's name: a-z, digits and -")
    new.add_argument("--kind", metavar="KIND", help="the kind of its tokens (default: NAME, with _ in place of -)")
    new.set_defaults(run=_new)


def _new(options: argparse.Namespace, context: Context) -> int:
    name: str = options.name
    if len(name) > _MOST_CHARACTERS or _NAME.fullmatch(name) is None:
        fail(
            f"NAME must be 1 to {_MOST_CHARACTERS} of a-z, 0-9 and -, begin with a letter, and have one - at a time "
            "between others"
        )
    kind: str = name.replace("-", "_") if options.kind is None else options.kind
    if len(kind) > _MOST_CHARACTERS or _KIND.fullmatch(kind) is None:
        fail(f"--kind must be 1 to {_MOST_CHARACTERS} of a-z, 0-9, _ and -, and begin with a letter")
    if taken := entry_points.installed(BACKENDS.name).get(kind):
        packages = " and ".join(map(package_of, taken))
        fail(f"kind {kind} is taken by {packages}: choose another with --kind")
    directory = Path(f"tokend-{name}")
    try:
        _write(context.directory / directory, files(name, kind))
    except FileExistsError:
        fail(f"{directory} exists already: choose another name, or remove it")
    except OSError as error:
        fail(f"{directory} cannot be written: {error.strerror}")
    print(f"{directory}: a backend of the kind {kind}, and its tests")
    print(f'next: pip install -e "./{directory}[test]", then pytest {directory}, then read {directory}/README.md')
    return 0


def _write(directory: Path, texts: dict[str, str]) -> None:
    """Write files into a new directory. Raises `OSError`."""
    directory.mkdir()
    for file, text in texts.items():
        (directory / file).write_text(text, "utf-8")
