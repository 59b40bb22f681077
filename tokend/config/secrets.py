"""Reads the secrets that the configuration refers to: `{env: NAME}` from the environment, `{file: PATH}` from a file."""

from collections.abc import Mapping
from pathlib import Path

from tokend.config.files import Files
from tokend.model import Secret
from tokend.validation import shown

MAX_BYTES = 64 * 1024


class SecretProblem(ValueError):
    """A secret that is not there, with its source; never its value."""


class Secrets:
    """`environment`: what variables are looked up in; relative files are looked for below `base`."""

    def __init__(self, environment: Mapping[str, str], base: Path, files: Files | None = None) -> None:
        self._environment = environment
        self._files = files or Files()
        self._used: set[str] = set()
        self.base = base

    def variables_used(self) -> list[str]:
        """`NAME=value` of every variable that was asked for, for a digest and for nothing else."""
        return [f"{name}={self._environment.get(name, '')}" for name in sorted(self._used)]

    def variable(self, name: str) -> str:
        """The text of a variable; `SecretProblem` where it is unset or empty."""
        self._used.add(name)
        value = self._environment.get(name, "")
        if not value:
            raise SecretProblem(f"the environment variable {shown(name)} is not set")
        return value

    def read(self, env: str | None, file: str | None) -> Secret:
        """The one of both that is given. A file's final newline is not part of the secret."""
        if env is not None:
            return Secret(self.variable(env))
        name = shown(file or "")
        try:
            text = self._files.read(self.base / (file or ""), MAX_BYTES).decode()
        except OSError as error:
            raise SecretProblem(f"the file {name} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SecretProblem(f"the file {name} is not UTF-8 text") from error
        text = text.removesuffix("\n").removesuffix("\r")
        if not text or len(text) > MAX_BYTES:
            raise SecretProblem(f"the file {name} is {'too long' if text else 'empty'}")
        return Secret(text)
