"""The Python client's package installs into an empty environment, needs aiohttp alone, and is `tokend.client` too."""

import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.running import DEMO, ROOT, clean_environment, serving

SOURCES: Final = ROOT / "clients/python"
MODULE: Final = SOURCES / "tokend_client.py"
CONFIGURATION: Final = """
apps:
  demo:
    app_id: {env: DEMO_APP_ID}
    certificate: {env: DEMO_APP_CERTIFICATE}
    callers: {anybody: {anonymous: true, rules: [{kinds: rtc, channel: "room-*"}]}}
"""
SCRIPT: Final = """
import asyncio, sys
from tokend_client import TokenSource

async def main():
    async with TokenSource(sys.argv[1], "rtc", {"channel": "room-1", "uid": 7}) as source:
        print((await source.get()).kind)
    print(*sorted({name.partition(".")[0] for name in sys.modules} & {"tokend", "pydantic", "yaml", "tokend_client"}))

asyncio.run(main())
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment({"PIP_DISABLE_PIP_VERSION_CHECK": "1"}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wheel_of(sources: Path, directory: Path) -> Path:
    """The wheel that pip builds. `sources`: a copy, since setuptools builds in place."""
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", sources, cwd=directory)
    (wheel,) = directory.glob("*.whl")
    return wheel


def needed(name: str) -> Iterator[str]:
    """The distributions that a distribution needs here, itself included."""
    yield name
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from needed(requirement.name)


def links_to(name: str, folder: Path) -> None:
    """What a distribution installed, as links in a folder."""
    for top in {file.parts[0] for file in distribution(name).files or () if ".." not in file.parts}:
        target = Path(str(distribution(name).locate_file(top)))
        if target.exists() and not (folder / top).exists():
            (folder / top).symlink_to(target)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the client, aiohttp and what that needs, and nothing else."""
    directory = tmp_path_factory.mktemp("environment")
    shutil.copytree(SOURCES, directory / "python", symlinks=True)
    wheel = wheel_of(directory / "python", directory)
    venv.create(directory / "venv", with_pip=True)
    python = directory / "venv/bin/python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel, cwd=directory)
    (site,) = (directory / "venv/lib").glob("python*/site-packages")
    project = tomllib.loads((SOURCES / "pyproject.toml").read_text())["project"]
    assert [Requirement(text).name for text in project["dependencies"]] == ["aiohttp"]
    for name in set(needed("aiohttp")):
        links_to(name, site)
    return python


def test_it_runs_with_aiohttp_alone(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    with serving(tmp_path, DEMO) as server:
        assert run(environment, "-c", SCRIPT, f"{server.url}/demo", cwd=tmp_path).split() == ["rtc", "tokend_client"]


def test_its_types_are_found(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(
        "from tokend_client import TokenSource\n"
        "async def main() -> None:\n"
        '    async for token in TokenSource("https://tokens.example.com", "rtc", {}).tokens():\n'
        "        reveal_type(token.renew_at)\n"
    )
    options = ("--strict", "--no-incremental", f"--python-executable={environment}")
    said = run(sys.executable, "-m", "mypy", *options, "bot.py", cwd=tmp_path)
    assert 'Revealed type is "int | None"' in said
    assert "Success" in said


def test_tokend_client_is_the_same_module_and_imports_nothing_of_the_server(tmp_path: Path) -> None:
    assert (ROOT / "tokend/client.py").resolve() == MODULE.resolve()
    script = "import sys, tokend.client; print(*(name for name in sys.modules if name.partition('.')[0] == 'tokend'))"
    # pydantic and yaml are the server's
    said = run(sys.executable, "-c", f"{script}; print('pydantic' in sys.modules, 'yaml' in sys.modules)", cwd=ROOT)
    assert said.split() == ["tokend", "tokend.client", "False", "False"]


def test_the_servers_wheel_has_the_text_of_the_module(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    for name in ("tokend", "clients"):
        shutil.copytree(ROOT / name, sources / name, symlinks=True, ignore=ignored)
    assert (sources / "tokend/client.py").is_symlink()
    with ZipFile(wheel_of(sources, tmp_path)) as wheel:
        assert wheel.read("tokend/client.py") == MODULE.read_bytes()


def test_the_image_copies_what_the_links_lead_to() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert (ROOT / "tokend/client.py").readlink().parts[:2] == ("..", "clients")
    assert "COPY clients ./clients" in dockerfile
