"""Reads the secrets that the configuration refers to: from the environment, from files, and from systemd's credentials."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from tokend.config.files import Files
from tokend.config.problems import KeyPath, Report
from tokend.config.references import Reference
from tokend.core.secrets import Secret
from tokend.core.validation import redact_secrets

MAX_BYTES: Final = 64 * 1024
_OTHERS_READ: Final = 0o044
"""The bits of a file's mode by which its group and everybody may read it."""


class SecretProblem(ValueError):
    """A secret that is not there, or not kept safe, with its source; never its value."""


class Secrets:
    """`environment`: what variables are looked up in; relative files are looked for below `base`.

    `readable_files`: whether a file counts that group or others may read.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        base: Path,
        files: Files | None = None,
        *,
        readable_files: bool = False,
    ) -> None:
        self._environment = environment
        self._files = files or Files()
        self._used: set[str] = set()
        self.base = base
        self._readable_files = readable_files

    def with_readable_files(self) -> "Secrets":
        """The same, without a look at who else may read a file."""
        found = Secrets(self._environment, self.base, self._files, readable_files=True)
        found._used = self._used
        return found

    def variables_used(self) -> list[str]:
        """`NAME=value` of every variable that was asked for, for a digest and for nothing else."""
        return [f"{name}={self._environment.get(name, '')}" for name in sorted(self._used)]

    def variable(self, name: str) -> str:
        """The text of a variable; `SecretProblem` where it is unset or empty."""
        self._used.add(name)
        value = self._environment.get(name, "")
        if not value:
            raise SecretProblem(f"the environment variable {redact_secrets(name)} is not set")
        return value

    def read(self, reference: Reference, *, public: bool = False) -> Secret:
        """What the reference leads to. A file's final newline is not part of it. `public`: anybody may read it."""
        if reference.env is not None:
            return Secret(self.variable(reference.env))
        what = reference.source
        try:
            check = None if reference.file is None or public else partial(self._check_mode, what)
            text = self._files.read(self._path(reference), MAX_BYTES, check).decode()
        except OSError as error:
            raise SecretProblem(f"the {what} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SecretProblem(f"the {what} is not UTF-8 text") from error
        text = text.removesuffix("\n").removesuffix("\r")
        if not text or len(text) > MAX_BYTES:
            raise SecretProblem(f"the {what} is {'too long' if text else 'empty'}")
        return Secret(text)

    def read_or_report(self, reference: Reference, at: KeyPath, report: Report) -> Secret | None:
        """The same; None where it cannot be had, and the report says why."""
        try:
            return self.read(reference)
        except SecretProblem as problem:
            report.add_after(at, str(problem))
            return None

    def _path(self, reference: Reference) -> Path:
        if reference.credential is None:
            return self.base / (reference.file or "")
        directory = self._environment.get("CREDENTIALS_DIRECTORY", "")
        if not directory:
            raise SecretProblem(
                f"the {reference.source} cannot be had, since CREDENTIALS_DIRECTORY is not set: "
                "systemd sets it for a unit with LoadCredential= or SetCredential="
            )
        return Path(directory, reference.credential)

    def _check_mode(self, what: str, found: os.stat_result) -> None:
        """Of the file that was opened, whatever its path leads to by now. Windows has no such modes."""
        if found.st_mode & _OTHERS_READ and os.name != "nt" and not self._readable_files:
            raise SecretProblem(
                f"the {what} can be read by others than its owner: chmod 600 it, or, where nobody else is, "
                "as in a container, write secrets: {readable_files: true}"
            )
