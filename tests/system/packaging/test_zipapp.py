"""A single file made by shiv serves with workers (O8), and nothing is imported from the working directory (O7)."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from aiohttp import ClientSession
from packaging.requirements import Requirement

import tokend
from tests.running import clean_environment
from tests.system.workers.serving import Running, serving

pytestmark = pytest.mark.serial


def _needed(name: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """The distributions that a distribution needs here, itself included."""
    yield name
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield from _needed(requirement.name, frozenset(requirement.extras))


def _copied(name: str, folder: Path) -> None:
    """Copy an installed distribution, which may be there already."""
    for file in distribution(name).files or ():
        source = Path(str(file.locate()))
        if ".." not in file.parts and source.is_file() and "__pycache__" not in file.parts:
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


@pytest.fixture(scope="module")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zipapp")
    for name in set(_needed("tokend")):
        _copied(name, folder / "site")
    shutil.copytree(Path(tokend.__file__).parent, folder / "site" / "tokend", dirs_exist_ok=True)
    made = folder / "tokend.pyz"
    command = [sys.executable, "-m", "shiv", "--site-packages", str(folder / "site"), "-o", str(made)]
    subprocess.run([*command, "-e", "tokend.cli:main", "-p", "/usr/bin/env python3"], check=True, capture_output=True)
    return made


async def test_o8_a_single_file_serves_with_two_workers(zipapp: Path, tmp_path: Path) -> None:
    server = Running(tmp_path, 2)
    environment = clean_environment({"SHIV_ROOT": str(tmp_path / "shiv")})
    with (tmp_path / "log").open("ab") as log:
        # -S: without the site-packages of the tests
        server.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-S", str(zipapp), "serve", "--workers", "2", "--port", str(server.port)),
            cwd=tmp_path,
            env=environment,
            stderr=log,
            stdout=asyncio.subprocess.DEVNULL,
        )
    try:
        await server.ready()
        assert len(server.workers()) == 2
        for pid in server.workers():
            assert str(tmp_path / "shiv") in Path(f"/proc/{pid}/cmdline").read_text()
        async with (
            ClientSession() as session,
            session.get(f"{server.url}/demo/rtc/demo-room/publisher/uid/7/") as response,
        ):
            assert response.status == 200
    finally:
        assert await server.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_o7_nothing_is_imported_from_the_working_directory(workers: int, tmp_path: Path) -> None:
    for name in ("yaml", "aiohttp", "prometheus_client", "uuid", "joserfc"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})\n")
    async with (
        serving(tmp_path, workers) as server,
        ClientSession() as session,
        session.get(f"{server.url}/demo/rtc/demo-room/publisher/uid/7/") as response,
    ):
        assert response.status == 200
    assert not (tmp_path / "imported").exists()
