"""Reads the secrets that the configuration refers to, from the environment, files and systemd's credentials."""

import os
from collections.abc import Iterable, Mapping
from copy import copy
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from tokend.config.files import Files, utf8_text
from tokend.config.problems import KeyPath, Report
from tokend.config.references import Reference
from tokend.core.secrets import Secret
from tokend.core.validation import redact_secrets

MAX_BYTES: Final = 64 * 1024
_QUOTES: Final = frozenset({'""', "''", "``", "“”", "‘’"})
_INVISIBLE: Final = "\u200b\u2060\ufeff"
"""Characters that `str.strip` leaves: zero width space, word joiner and byte order mark."""
_OTHERS_READ: Final = 0o044
"""The bits of a file's mode by which its group and all others may read it."""


class SecretProblem(ValueError):
    """A secret is missing or not protected. The message names its source, never its value."""


class Read(Struct, frozen=True):
    """A reference that was read, and the secret that it gave. `public`: anybody may read it."""

    reference: Reference
    public: bool
    secret: Secret


class Secrets:
    """Reads secrets: variables from `environment`, relative paths of files below `base`.

    Files that group or others may read are rejected, unless `with_readable_files` made the object.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        base: Path,
        files: Files | None = None,
    ) -> None:
        self._environment = environment
        self._files = files or Files()
        self._used: set[str] = set()
        self.paths: set[str] = set()
        """The paths of the files that were read, without systemd's credentials."""
        self.reads: list[Read] = []
        self.base = base
        self._readable_files = False

    def with_readable_files(self) -> "Secrets":
        """The same, but it accepts files that group or others may read."""
        found = copy(self)
        found._readable_files = True
        return found

    def with_own_reads(self) -> "Secrets":
        """The same, with a list of its own of what it reads."""
        found = copy(self)
        found.reads = []
        return found

    def are_still(self, reads: Iterable[Read]) -> bool:
        """Whether these references give the same secrets as before. Reads all of them until one differs."""
        try:
            return all(self.read(read.reference, public=read.public).reveal() == read.secret.reveal() for read in reads)
        except SecretProblem:
            return False

    def variables_used(self) -> list[str]:
        """`NAME=value` of every variable that was read; only for a digest, since it contains secrets."""
        return [f"{name}={self._environment.get(name, '')}" for name in sorted(self._used)]

    def _variable(self, name: str) -> str:
        """The text of a variable, without one final line break. Raises `SecretProblem` if it is unset, empty or not bare."""
        self._used.add(name)
        value = self._environment.get(name, "")
        if not value:
            raise SecretProblem(f"the environment variable {redact_secrets(name)} is not set")
        return _bare(value, f"environment variable {redact_secrets(name)}")

    def read(self, reference: Reference, *, public: bool = False) -> Secret:
        """The secret of a reference, without one final line break. Raises `SecretProblem`. `public`: anybody may read it."""
        secret = Secret(self._variable(reference.env) if reference.env is not None else self._file(reference, public))
        self.reads.append(Read(reference, public, secret))
        return secret

    def _file(self, reference: Reference, public: bool) -> str:
        what = reference.source
        path = self._path(reference)
        if reference.file is not None:
            self.paths.add(str(path))
        try:
            check = None if reference.file is None or public else partial(self._check_mode, what)
            raw = self._files.read(path, MAX_BYTES, check)
        except OSError as error:
            raise SecretProblem(f"the {what} cannot be read: {error.strerror}") from error
        if len(raw) > MAX_BYTES:
            raise SecretProblem(f"the {what} is too long")
        text = utf8_text(raw)
        if text is None:
            raise SecretProblem(f"the {what} is not UTF-8 text")
        if not text:
            raise SecretProblem(f"the {what} is empty")
        return _bare(text, what)

    def read_or_report(self, reference: Reference, at: KeyPath, report: Report) -> Secret | None:
        """The secret of a reference. None if it cannot be read; the problem is then in the report."""
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
        """Check the mode of the opened file, since its path may lead elsewhere by now."""
        if found.st_mode & _OTHERS_READ and not self._readable_files:
            raise SecretProblem(
                f"the {what} can be read by others than its owner: chmod 600 it. Where nobody else is, "
                "as in a container, write secrets: {readable_files: true}"
            )


def _bare(text: str, what: str) -> str:
    """The text without one final line break. Raises `SecretProblem` if something else surrounds it.

    Editors, shells and copied lines add blanks, a byte order mark or quotes. They would count as part of the secret.
    """
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretProblem(f"the {what} holds only a line break")
    if text.startswith("\ufeff"):
        raise SecretProblem(f"the {what} begins with a byte order mark: save it as UTF-8 without BOM")
    if text.strip().strip(_INVISIBLE) != text:
        raise SecretProblem(
            f"the {what} begins or ends with a blank, a line break or an invisible character: remove it "
            "(one final line break may stay)"
        )
    if len(text) > 1 and text[0] + text[-1] in _QUOTES:
        raise SecretProblem(f"the {what} stands in quotes, which would count as part of the secret: remove them")
    return text
