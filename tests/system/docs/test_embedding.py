"""docs/embedding.md: its applications serve tokens, its tests pass, its links lead somewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient
from yarl import URL

from tests.running import DEMO, ROOT, clean_environment

PAGE = (ROOT / "docs/embedding.md").read_text()
BLOCKS = re.findall(r"^```(\S+ ?\w*)\n(.*?)^```$", PAGE, re.M | re.S)
APPLICATIONS = [text for form, text in BLOCKS if form == "python app"]
TESTS = [text for form, text in BLOCKS if form == "python test"]
TOKEN_REQUEST = {"kind": "rtc", "channel": "demo-room", "uid": 7}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the shipped configuration and what it reads."""
    shutil.copy(ROOT / "config.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, value in DEMO.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def _defined(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(text, "docs/embedding.md", "exec"), names)
    return names


def test_every_block_is_of_a_form_that_is_checked() -> None:
    assert {form for form, _ in BLOCKS} == {"python app", "python test"}
    assert len(APPLICATIONS) == 4
    assert len(TESTS) == 1


@pytest.mark.parametrize("number", range(4))
@pytest.mark.usefixtures("directory")
async def test_each_application_serves_tokens(number: int, aiohttp_client: AiohttpClient) -> None:
    text = APPLICATIONS[number]
    app = _defined(text)["app"]
    assert isinstance(app, web.Application)
    client = await aiohttp_client(app)
    prefix = "/tokens" if "add_subapp" in text else ""
    response = await client.post(f"{prefix}/demo/v1/token", json=TOKEN_REQUEST)
    assert response.status == 200
    assert (await response.json())["token"].startswith("007")
    assert "no-store" in response.headers["Cache-Control"]
    if "server_name" in text:
        assert response.headers["X-Served-By"] == "eu-1"
    if "hello" in text:
        assert await (await client.get("/")).json() == {"hello": "world"}
        assert (await client.post(URL("/%74okens/demo/v1/token", encoded=True), json=TOKEN_REQUEST)).status == 404
    if "CONTROL" in text:
        assert (await client.post("/internal/reload")).status == 200


@pytest.mark.usefixtures("directory")
async def test_the_admin_application_has_its_pages(aiohttp_client: AiohttpClient) -> None:
    names = _defined(next(text for text in APPLICATIONS if "create_admin_app" in text))
    client = await aiohttp_client(names["app"])
    await client.post("/tokens/demo/v1/token", json=TOKEN_REQUEST)
    admin = await aiohttp_client(names["admin"])
    assert "tokend_decisions_total" in await (await admin.get("/metrics")).text()
    assert (await admin.get("/readyz")).status == 200


def test_its_tests_pass(directory: Path) -> None:
    (directory / "test_tokens.py").write_text(TESTS[0])
    (directory / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_tokens.py"],
        cwd=directory,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
