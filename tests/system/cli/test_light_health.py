"""`tokend health` imports little, since containers run it every few seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT

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
