"""The command that starts a worker: the same Python with the same import path, without the working directory.

The path is handed over, so that a server from a zip file (shiv, pex) has workers, too. What lies in the working directory
is never imported: whoever can write there could otherwise run code with the server's secrets.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokend.adapters.resources import CannotStart

_PROGRAM: Final = (
    "import json, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = json.loads(sys.argv[1]); "
    "from tokend.process.worker_main import main; main(*map(int, sys.argv[2:]))"
)


def child_command(descriptors: Sequence[int]) -> list[str]:
    """Arguments that start a worker with these inherited descriptors. Raises `CannotStart` where Python cannot be started."""
    if getattr(sys, "frozen", False):
        raise CannotStart("an executable that holds its own Python starts no workers: use --workers 1")
    return [sys.executable, "-P", "-c", _PROGRAM, json.dumps(import_path(sys.path)), *map(str, descriptors)]


def import_path(path: Sequence[str]) -> list[str]:
    """An import path without the working directory, unless this package itself lies there."""
    return [entry for entry in path if not _is_working_directory(entry)]


def _is_working_directory(entry: str) -> bool:
    """Whether an entry of the import path is the working directory, and not that of this package."""
    try:
        found = Path(entry).resolve()
        return found == Path.cwd() and found != Path(__file__).resolve().parents[2]
    except FileNotFoundError:  # somebody has removed it
        return not entry
