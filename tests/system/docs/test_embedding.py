"""docs/embedding.md: its applications serve tokens, its tests pass, its links lead somewhere."""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from pytest_aiohttp import AiohttpClient
from yarl import URL

from tests.free_ports import free_port
from tests.running import DEMO, ROOT, clean_environment, tokend
from tests.system.workers.load import waits

PAGE = (ROOT / "docs/embedding.md").read_text()
BLOCKS = re.findall(r"^```(\S+ ?\w*)\n(.*?)^```$", PAGE, re.M | re.S)
APPLICATIONS = [text for form, text in BLOCKS if form == "python app"]
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
    assert sorted(form for form, _ in BLOCKS if form != "python app") == [
        "python program",
        "python rules",
        "python test",
    ]
    assert len(APPLICATIONS) == 4


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


def _block(form: str) -> str:
    (text,) = [text for found, text in BLOCKS if found == form]
    return str(text)


async def test_its_program_closes_the_audit(directory: Path) -> None:
    config = directory / "config.yaml"
    config.write_text(f"audit: {{to: {{file: audit.jsonl}}}}\n{config.read_text()}")
    text = _block("python program")
    ports = {"8080": str(free_port()), "8081": str(free_port())}
    for written, port in ports.items():
        assert text.count(written) == 1
        text = text.replace(written, port)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", text, cwd=directory, env=clean_environment(DEMO), stderr=subprocess.DEVNULL
    )
    async with ClientSession() as session:
        for pause in waits(30):
            try:
                async with session.get(f"http://127.0.0.1:{ports['8081']}/readyz") as response:
                    assert response.status == 200
                    break
            except OSError:
                await asyncio.sleep(pause)
        url = f"http://127.0.0.1:{ports['8080']}/demo/v1/token"
        async with session.post(url, json=TOKEN_REQUEST) as response:
            assert response.status == 200
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    verified = tokend(directory, {}, "audit", "verify", "audit.jsonl")
    assert "1 chain: 1 closed, 0 not closed" in verified.stdout


def test_its_tests_pass(directory: Path) -> None:
    _run_tests(directory, _block("python test"), "3 passed")


def test_its_tests_of_rules_pass(tmp_path: Path) -> None:
    page = (ROOT / "docs/rules.md").read_text()
    (content,) = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    (tmp_path / "config.yaml").write_text(content)
    _run_tests(tmp_path, _block("python rules"), "1 passed")


def _run_tests(directory: Path, text: str, passed: str) -> None:
    (directory / "test_tokens.py").write_text(text)
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
    assert passed in done.stdout


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
