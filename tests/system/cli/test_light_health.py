"""`tokend health` imports little, since containers run it every few seconds, and prints no secret of its URL."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.plain_web import plain_web
from tests.running import ROOT
from tokend.cli.health import main

HEAVY = (
    "aiohttp",
    "pydantic",
    "msgspec",
    "asyncio",
    "tokend.config",
    "tokend.issuing",
    "tokend.http",
    "tokend.backends",
)


@pytest.mark.parametrize("config", [None, 'server: {listen: "127.0.0.1:9"}\n'])
def test_health_imports_only_what_it_needs(config: str | None, tmp_path: Path) -> None:
    if config is not None:
        (tmp_path / "config.yaml").write_text(config)
    options = ["--url", "http://127.0.0.1:9"] if config is None else []
    code = "import sys; from tokend.__main__ import main; code = main(); print(*sys.modules); sys.exit(code)"
    found = subprocess.run(
        [sys.executable, "-c", code, "health", *options],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stderr[:29]) == (1, "tokend: no healthy answer: [E")
    modules = found.stdout.split()
    assert "tokend.cli.health" in modules
    assert [
        module for module in modules if module in HEAVY or module.startswith(tuple(f"{name}." for name in HEAVY))
    ] == []


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_health_prints_the_url_without_user_and_query(capsys: pytest.CaptureFixture[str]) -> None:
    with plain_web(_Healthy) as origin:
        url = origin.replace("//", "//ann:hunter2@") + "/base?key=hunter2#hunter2"
        assert main(["--url", url]) == 0
        assert capsys.readouterr().out == f"{origin}/base: 200\n"
