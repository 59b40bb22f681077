"""The example packages of the docs, as if they were installed: on the import path, with their metadata beside them."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import ROOT
from tokend.config import entry_points


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
