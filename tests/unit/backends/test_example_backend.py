"""The example package of the docs, as its author would have it: installed, served, asked over HTTP, tested (some seconds).

Installing needs setuptools in the environment (requirements-dev.txt has it) and no network.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copytree
from typing import Any, Final

import pytest

from tests.running import ROOT, clean_environment, serving

_EXAMPLE: Final = ROOT / "docs/example-backend"
_SECRET: Final = "waveline's own secret of this test"
_CONFIG: Final = """
apps:
  demo:
    backends: {waveline: {secret: {env: WAVELINE_SECRET}, server_url: "wss://media.waveline.example"}}
    callers: {anybody: {anonymous: true, rules: [{channel: "lobby-*"}]}}
"""
# what `pip install --target` does, without its wish for an index or a wheel package
_INSTALL: Final = "import setuptools; setuptools.setup()"


class Installed:
    """The package beside the running environment: its sources, and the environment that finds both."""

    def __init__(self, directory: Path) -> None:
        self.sources = copytree(_EXAMPLE, directory / "sources")
        self.site = directory / "site"
        path = os.pathsep.join([str(self.site), str(ROOT)])
        self.environment = {"PYTHONPATH": path, "WAVELINE_SECRET": _SECRET}
        (directory / "config.yaml").write_text(_CONFIG, "utf-8")
        self.directory = directory
        self.run("-c", _INSTALL, "-q", "build_py", f"--build-lib={self.site}", cwd=self.sources)
        self.run("-c", _INSTALL, "-q", "install_egg_info", f"--install-dir={self.site}", cwd=self.sources)

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """The output of Python with these arguments."""
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


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Installed once for all of these tests."""
    return Installed(tmp_path_factory.mktemp("waveline"))


@pytest.fixture(scope="module")
def url(installed: Installed) -> Iterator[str]:
    """A server of an app with this one kind."""
    with serving(installed.directory, installed.environment, "--config", "config.yaml", lines=1) as running:
        yield running.url


def _answer(url: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def test_the_whole_package_is_about_a_hundred_lines_of_python() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in _EXAMPLE.rglob("*.py")) <= 110


@pytest.mark.parametrize("name", ["tokend_waveline.py", "test_waveline.py"])
def test_the_docs_page_shows_the_example_word_for_word(name: str) -> None:
    assert f"```python\n{(_EXAMPLE / name).read_text('utf-8')}```\n" in (ROOT / "docs/backends.md").read_text("utf-8")


def test_the_docs_page_shows_its_entry_point() -> None:
    page, project = (path.read_text("utf-8") for path in (ROOT / "docs/backends.md", _EXAMPLE / "pyproject.toml"))
    assert page.partition("```toml\n")[2].partition("```")[0] in project


def test_the_example_passes_its_own_tests(installed: Installed) -> None:
    said = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_waveline.py", cwd=installed.sources)
    assert " passed" in said


def test_tokend_plugins_lists_the_kind_and_its_package(installed: Installed) -> None:
    assert "backend\twaveline\ttokend-waveline 0.1.0\n" in installed.run("-m", "tokend", "plugins")
    told = installed.run("-m", "tokend", "plugins", "--config", "config.yaml")
    assert told == "backend\twaveline\ttokend-waveline 0.1.0\tapps demo\tfields room, user, role\n"


def test_a_token_comes_over_http_with_the_packages_own_field(url: str) -> None:
    answer = _answer(f"{url}/demo/v1/token", {"kind": "waveline", "room": "lobby-1", "user": "ann", "ttl": 120})
    assert answer["server_url"] == "wss://media.waveline.example"
    assert (answer["kind"], answer["app_id"], answer["role"], answer["ttl"]) == ("waveline", None, "subscriber", 120)
    assert answer["renew_at"] == answer["issued_at"] + 60
    read = _answer(f"{url}/demo/v1/inspect", {"token": answer["token"]})
    assert (read["signature"], read["services"][0]["channel"]) == ("valid", "lobby-1")


def test_the_kind_is_in_the_openapi_document(url: str) -> None:
    document = _answer(f"{url}/demo/openapi.json")
    assert set(document["components"]["schemas"]["waveline"]["properties"]) == {"kind", "room", "user", "role", "ttl"}
