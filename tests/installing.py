"""Packages of plug-ins, installed into a directory or, for the examples of the docs, as if they were."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.running import ROOT, clean_environment
from tokend.config import entry_points

# what `pip install --target` does, without its wish for an index or a wheel package
_INSTALL: Final = "import setuptools; setuptools.setup()"


class Package:
    """A package, installed beside the running environment. `environment`: what finds both, and further variables.

    `sources` is the directory of its pyproject.toml, `directory` an empty one. Needs setuptools and no network.
    """

    def __init__(self, sources: Path, directory: Path, variables: Mapping[str, str]) -> None:
        self.sources, self.directory = sources, directory
        site = directory / "site"
        self.environment = {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]), **variables}
        self.run("-c", _INSTALL, "-q", "build_py", f"--build-lib={site}", cwd=sources)
        self.run("-c", _INSTALL, "-q", "install_egg_info", f"--install-dir={site}", cwd=sources)

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """The output of Python with these arguments, which has to succeed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self.directory,
            env=clean_environment(self.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def installed(example: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package `docs/<example>`. `directory`: an empty one, for its metadata."""
    project = tomllib.loads((ROOT / "docs" / example / "pyproject.toml").read_text("utf-8"))["project"]
    information = directory / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", "utf-8"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (information / "entry_points.txt").write_text("\n".join(lines), "utf-8")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / example))
    monkeypatch.syspath_prepend(str(directory))
    entry_points.installed.cache_clear()
    try:
        yield
    finally:
        monkeypatch.undo()
        entry_points.installed.cache_clear()


def backend_package(directory: Path, kind: str, source: str) -> Path:
    """Write a package `<kind>_kind` with a backend, the class of the kind's name, and return the folder for PYTHONPATH."""
    package = directory / "package"
    information = package / f"{kind}-1.dist-info"
    information.mkdir(parents=True)
    (package / f"{kind}_kind.py").write_text(source)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {kind}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(f"[tokend.backends]\n{kind} = {kind}_kind:{kind.title()}\n")
    return package
