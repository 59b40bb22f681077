"""There is one version: the packages of this repository have it, and what depends on tokend allows it."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.running import ROOT
from tokend import __version__
from tokend.cli.backend_template import files

PLUGINS = sorted(ROOT.glob("plugins/*/pyproject.toml"))
DEPENDENTS = [*PLUGINS, *sorted(ROOT.glob("docs/example-*/pyproject.toml"))]


def _project(text: str) -> Any:
    return tomllib.loads(text)["project"]


@pytest.mark.parametrize("path", [*PLUGINS, ROOT / "clients/python/pyproject.toml"], ids=lambda path: path.parent.name)
def test_a_package_of_this_repository_has_the_version_of_tokend(path: Path) -> None:
    assert _project(path.read_text("utf-8"))["version"] == __version__


def test_so_have_the_javascript_client_and_the_image_of_the_deployment() -> None:
    assert json.loads((ROOT / "clients/js/package.json").read_text("utf-8"))["version"] == __version__
    assert f"image: tokend:{__version__}\n" in (ROOT / "deploy/kubernetes/tokend.yaml").read_text("utf-8")


def test_the_changelog_has_a_heading_for_it() -> None:
    assert f"\n## {__version__} - " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    """Every line of a version stands under one of the six kinds of change."""
    title, *versions = re.split("^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert title.startswith("# Changelog\n")
    for version in versions:
        heading, *kinds = re.split("^### ", version, flags=re.MULTILINE)
        named = [kind.partition("\n")[0] for kind in kinds]
        assert re.fullmatch(r"(Unreleased|\d+\.\d+\.\d+( - \d{4}-\d\d-\d\d)?)\n*", heading), heading
        assert set(named) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
        assert len(set(named)) == len(named)


@pytest.mark.parametrize("path", DEPENDENTS, ids=lambda path: path.parent.name)
def test_plug_ins_and_examples_allow_this_version(path: Path) -> None:
    _allows_this_version(path.read_text("utf-8"))


def test_so_does_a_new_plug_in() -> None:
    _allows_this_version(files("acme", "acme")["pyproject.toml"])


def test_only_releases_of_redis_py_that_work_are_allowed() -> None:
    """Before 8.1 each URL of a Cluster or of Sentinels was one that "cannot be used", before 7.2 any URL."""
    pinned = re.search(r"^redis==(\d+\.\d+)", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    (needed,) = _project((ROOT / "pyproject.toml").read_text("utf-8"))["optional-dependencies"]["redis"]
    assert pinned is not None
    assert f">={pinned[1]}" in str(Requirement(needed).specifier)


def _allows_this_version(text: str) -> None:
    (needed,) = [name for name in map(Requirement, _project(text)["dependencies"]) if name.name == "tokend"]
    assert __version__ in needed.specifier
