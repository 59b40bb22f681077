"""The single file of `make pyz` serves with workers, and nothing is imported from the working directory."""

import asyncio
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from packaging.requirements import Requirement

import tokend
from tests.running import ROOT, clean_environment
from tests.system.packaging.building import build, copy_sources
from tests.system.workers.serving import Running, serving

pytestmark = pytest.mark.serial


@pytest.fixture(scope="module")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make pyz` builds."""
    sources = tmp_path_factory.mktemp("zipapp") / "sources"
    copy_sources(sources)
    build("pyz.sh", sources)
    return sources / "dist/tokend.pyz"


async def test_a_single_file_serves_with_two_workers(zipapp: Path, tmp_path: Path) -> None:
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


def test_the_single_file_has_all_plug_ins_and_extras_and_a_list_of_its_packages(zipapp: Path, tmp_path: Path) -> None:
    def printed(*arguments: str) -> str:
        command = [sys.executable, "-S", str(zipapp), *arguments]
        environment = clean_environment({"SHIV_ROOT": str(tmp_path / "shiv")})
        return subprocess.check_output(command, cwd=tmp_path, env=environment, text=True)

    packages = {_project(path)["name"] for path in ROOT.glob("plugins/*/pyproject.toml")}
    plugins = printed("plugins")
    assert {name for name in packages if f"\t{name} {tokend.__version__}" in plugins} == packages
    assert "complete" in printed("completion", "bash")
    sbom = zipapp.with_name("tokend.cdx.json").read_text("utf-8")
    listed = {component["name"].lower(): component["version"] for component in json.loads(sbom)["components"]}
    needed = {
        Requirement(text).name.lower()
        for texts in _project(ROOT / "pyproject.toml")["optional-dependencies"].values()
        for text in texts
    }
    assert packages | needed | {"tokend", "aiohttp"} <= listed.keys()
    assert listed["tokend"] == tokend.__version__
    assert "file://" not in sbom


def _project(path: Path) -> Any:
    return tomllib.loads(path.read_text("utf-8"))["project"]


@pytest.mark.parametrize("workers", [1, 2])
async def test_nothing_is_imported_from_the_working_directory(workers: int, tmp_path: Path) -> None:
    for name in ("yaml", "aiohttp", "prometheus_client", "uuid", "joserfc"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})\n")
    async with (
        serving(tmp_path, workers) as server,
        ClientSession() as session,
        session.get(f"{server.url}/demo/rtc/demo-room/publisher/uid/7/") as response,
    ):
        assert response.status == 200
    assert not (tmp_path / "imported").exists()
