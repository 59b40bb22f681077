"""The example package of the docs, as its author would have it: installed, served, asked over HTTP, tested (some seconds).

Installing needs setuptools in the environment (requirements-dev.txt has it) and no network.
"""

import json
import re
import urllib.request
from collections.abc import Iterator, Mapping
from shutil import copytree
from typing import Any, Final

import pytest

from tests.installing import Package
from tests.running import ROOT, serving

pytestmark = pytest.mark.xdist_group("example_backend")

_EXAMPLE: Final = ROOT / "docs/example-backend"
_SECRET: Final = "waveline's own secret of this test"
_CONFIG: Final = """
apps:
  demo:
    backends: {waveline: {secret: {env: WAVELINE_SECRET}, server_url: "wss://media.waveline.example"}}
    callers: {anybody: {anonymous: true, rules: [{channel: "lobby-*"}]}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Installed once for all of these tests."""
    directory = tmp_path_factory.mktemp("waveline")
    (directory / "config.yaml").write_text(_CONFIG, "utf-8")
    return Package(copytree(_EXAMPLE, directory / "sources"), directory, {"WAVELINE_SECRET": _SECRET})


@pytest.fixture(scope="module")
def url(installed: Package) -> Iterator[str]:
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


def test_the_whole_package_is_at_most_150_lines_of_python() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in _EXAMPLE.rglob("*.py")) <= 150


@pytest.mark.parametrize("name", ["tokend_waveline.py", "test_waveline.py"])
def test_the_docs_page_shows_the_example_word_for_word(name: str) -> None:
    """In pieces, each in a block ```` ```python <name> ````: joined they are the file, apart from empty lines."""
    page = (ROOT / "docs/backends.md").read_text("utf-8")
    pieces = re.findall(rf"^```python {re.escape(name)}\n(.*?)^```$", page, re.M | re.S)
    assert _lines("".join(pieces)) == _lines((_EXAMPLE / name).read_text("utf-8"))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_the_docs_page_shows_its_entry_point() -> None:
    page, project = (path.read_text("utf-8") for path in (ROOT / "docs/backends.md", _EXAMPLE / "pyproject.toml"))
    assert page.partition("```toml\n")[2].partition("```")[0] in project


def test_the_example_passes_its_own_tests(installed: Package) -> None:
    said = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_waveline.py", cwd=installed.sources)
    assert " passed" in said


def test_tokend_plugins_lists_the_kind_and_its_package(installed: Package) -> None:
    assert "backend\twaveline\ttokend-waveline 0.1.0\n" in installed.run("-m", "tokend", "plugins")
    told = installed.run("-m", "tokend", "plugins", "--config", "config.yaml")
    assert told == "backend\twaveline\ttokend-waveline 0.1.0\tapps demo\tfields room, user, role, name\n"


def test_a_token_comes_over_http_with_the_packages_own_field(url: str) -> None:
    answer = _answer(f"{url}/demo/v1/token", {"kind": "waveline", "room": "lobby-1", "user": "ann", "ttl": 120})
    assert answer["server_url"] == "wss://media.waveline.example"
    assert (answer["kind"], answer["role"], answer["ttl"]) == ("waveline", "subscriber", 120)
    assert "app_id" not in answer
    assert answer["renew_at"] == answer["issued_at"] + 60
    read = _answer(f"{url}/demo/v1/inspect", {"token": answer["token"]})
    assert (read["signature"], read["services"][0]["channel"]) == ("valid", "lobby-1")


def test_the_kind_is_in_the_openapi_document(url: str) -> None:
    document = _answer(f"{url}/demo/openapi.json")
    assert set(document["components"]["schemas"]["waveline"]["properties"]) == {
        "kind",
        "room",
        "user",
        "role",
        "name",
        "ttl",
    }
