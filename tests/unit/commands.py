"""Runs `tokend` commands in this process, as `python -m tokend` would run them in one of its own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tokend.cli import main


class Done(NamedTuple):
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


class Command:
    """The fixture `command`: `command(directory, environment, "check", "--show", "demo")`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, directory: Path, environment: Mapping[str, str], *arguments: str) -> Done:
        """Run it in this directory, with this environment and no other."""
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            patch.chdir(directory)
            for name in os.environ.keys() - environment.keys():
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                code = main(arguments)
            except SystemExit as error:  # of argparse
                code = error.code if isinstance(error.code, int) else 1
        return Done(code, *self._capsys.readouterr())
