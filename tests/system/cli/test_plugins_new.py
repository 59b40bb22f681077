"""`tokend plugins new`: what it writes installs, passes its tests, is served, and issues tokens."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.installing import Package
from tests.running import serving, tokend
from tokend.cli.backend_template import files

_SECRET: Final = "a secret for the server of this test"

_ENDS_BEFORE_IT_BEGINS: Final = """
from tokend_acme_live import AcmeLive, AcmeLiveOptions, Claims, Unreadable
from tokend.plugins import AppCredentials, Secret

options = AcmeLiveOptions(api_key="key", secret=[Secret("0123456789abcdef" * 2)])
backend = AcmeLive(options, AppCredentials(None, {}))
claims = Claims(iss="key", sub="ann", room="lobby", publish=False, iat=100, exp=95, jti="")
try:
    backend.read(backend.keys.sign(claims.model_dump(exclude_none=True)))
except Unreadable as reason:
    print(reason)
"""


def _new(directory: Path, *arguments: str) -> Path:
    """The package that it wrote."""
    done = tokend(directory, {}, "plugins", "new", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    (created,) = directory.glob("tokend-*")
    assert f'next: pip install -e "./{created.name}[test]", ' in done.stdout
    return created


def _posted(url: str, body: Mapping[str, object]) -> Any:
    """The answer's JSON, or the status of an error."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_new_backend_passes_its_tests_and_is_served_as_its_readme_says(tmp_path: Path) -> None:
    sources = _new(tmp_path, "acme-live", "--kind", "acme")
    assert sources.name == "tokend-acme-live"
    home = tmp_path / "home"
    home.mkdir()
    package = Package(sources, home, {"ACME_LIVE_SECRET": _SECRET})
    assert " passed" in package.run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(sources))
    assert "backend\tacme\ttokend-acme-live 0.1.0\n" in package.run("-m", "tokend", "plugins")
    assert package.run("-c", _ENDS_BEFORE_IT_BEGINS) == "it ends before it begins\n"
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", (sources / "README.md").read_text("utf-8"), re.M | re.S)
    (home / "config.yaml").write_text(shown, "utf-8")
    with serving(home, package.environment, "--config", "config.yaml", lines=1) as server:
        token_request = {"kind": "acme", "room": "lobby-1", "user": "guest-7", "name": "Guest"}
        issued = _posted(f"{server.url}/demo/v1/token", token_request)
        assert (issued["kind"], issued["role"], issued["ttl"]) == ("acme", "subscriber", 3600)
        read = _posted(f"{server.url}/demo/v1/inspect", {"token": issued["token"]})
        assert (read["signature"], read["problems"]) == ("valid", [])
        assert read["services"][0]["detail"] == {"name": "Guest"}
        for beyond in ({"role": "publisher"}, {"room": "stage-1"}, {"user": "ann"}):
            assert _posted(f"{server.url}/demo/v1/token", {**token_request, **beyond}) == 403


def test_the_kind_follows_from_the_name(tmp_path: Path) -> None:
    sources = _new(tmp_path, "acme-live")
    assert sorted(path.name for path in sources.iterdir()) == sorted(files("acme-live", "acme_live"))
    assert 'acme_live = "tokend_acme_live:AcmeLive"' in (sources / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Acme"], "NAME must be 1 to 40 of a-z, 0-9 and -"),
        (["../acme"], "NAME must be 1 to 40 of a-z, 0-9 and -"),
        (["acme--live"], "NAME must be 1 to 40 of a-z, 0-9 and -"),
        (["a" * 41], "NAME must be 1 to 40 of a-z, 0-9 and -"),
        (["acme", "--kind", "a.b"], "--kind must be 1 to 40 of a-z, 0-9, _ and -"),
        (["rtc"], "kind rtc is taken by tokend "),
        (["acme", "--kind", "chat"], "kind chat is taken by tokend "),
        (["taken"], "tokend-taken exists already: choose another name, or remove it"),
        (["file"], "tokend-file exists already: choose another name, or remove it"),
    ],
)
def test_wrong_usage_is_a_sentence_and_writes_nothing(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    (tmp_path / "tokend-taken").mkdir()
    (tmp_path / "tokend-file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    done = tokend(tmp_path, {}, "plugins", "new", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"tokend: {sentence}")
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
