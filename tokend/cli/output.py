"""Standard output of the commands. Where it cannot be written, a command ends with a sentence, not with a traceback."""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Final

_OF_OUTPUT: Final = (errno.ENOSPC, errno.EBADF, errno.EIO)


def run_printing(command: Callable[[], int]) -> int:
    """Run a command and write out what it printed. Returns its exit code, or 1 where a file or the output fails.

    A reader that ends early, as in `tokend … | head`, is no error. `--help` ends by `SystemExit`, and is written out too.
    The output is UTF-8 whatever the locale, as JSON has to be. A name that is not UTF-8 is escaped.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    code = 0
    try:
        try:
            code = command()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        reason = error.strerror or str(error)
        what = "the output cannot be written" if error.errno in _OF_OUTPUT else error.filename
        print("tokend", *([] if what is None else [what]), reason, sep=": ", file=sys.stderr)
        _drop_output()
        return 1
    return code


def print_line(text: str) -> None:
    """Print a line of a command whose exit code is its result. Without a reader the line is dropped, and the command goes on."""
    try:
        print(text)
    except BrokenPipeError:
        _drop_output()


def print_if_possible(text: str) -> None:
    """Print what only people read: the server, or the check of its health, goes on where it cannot be written."""
    try:
        print(text, flush=True)
    except OSError:
        _drop_output()


def occupy_closed_streams() -> None:
    """Open something in place of each standard stream that is closed: a connection would get its number.

    Nothing can be written to it: an audit that goes to standard output must fail.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest number that is free


def _drop_output() -> None:
    """Forget what is left to print: the interpreter would try again at its end, and fail with a traceback."""
    with suppress(OSError, ValueError, AttributeError), Path(os.devnull).open("wb") as nothing:  # it may be None
        os.dup2(nothing.fileno(), sys.stdout.fileno())
