"""Warnings for files of secrets that others than their owner may change, and for a `.env` that they may read."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tokend.core.folding import NAMES, listed
from tokend.core.validation import redact_secrets

_MAY_READ: Final = 0o044
_MAY_WRITE: Final = 0o022
"""The bits of a mode that permit it to the group or to all others."""


def exposed_files(modes: Mapping[str, int], dotenv: Path, secrets: Iterable[str], *, readable_files: bool) -> list[str]:
    """At most one warning for `.env` and one for all files of secrets, with the modes and the command that corrects them.

    `modes`: permission bits by path. `readable_files`: whether others may read secrets here, as in a container.
    """
    warnings = []
    mode = modes.get(str(dotenv), 0) & (_MAY_WRITE if readable_files else _MAY_READ | _MAY_WRITE)
    if mode:
        does = " and ".join(verb for verb, bits in (("read", _MAY_READ), ("changed", _MAY_WRITE)) if mode & bits)
        warnings.append(_warning({str(dotenv): modes[str(dotenv)]}, does, "go-w" if readable_files else "600"))
    writable = {path: modes[path] for path in sorted(secrets) if modes.get(path, 0) & _MAY_WRITE}
    if writable:
        warnings.append(_warning(writable, "changed", "go-w"))
    return warnings


def _warning(modes: Mapping[str, int], does: str, change: str) -> str:
    found = [f"{redact_secrets(path)} (mode {mode:04o})" for path, mode in modes.items()]
    owner = "its owner" if len(found) == 1 else "their owner"
    paths = [shlex.quote(redact_secrets(path)) for path in list(modes)[:NAMES]]
    files = " ".join(paths) + (", and the others likewise" if len(found) > NAMES else "")
    return f"{listed(found)} can be {does} by others than {owner}: chmod {change} {files}"
