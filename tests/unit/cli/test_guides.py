"""The guides that show configurations beside commands: every file loads, every command does what the page says."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from tests.running import CERTIFICATE, ROOT
from tests.unit.commands import Command
from tokend.cli import commands
from tokend.config.loading import load

PAGES: Final = ("authentication", "rules", "tenants", "blocking", "scale-out")
_BLOCK: Final = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ELSEWHERE: Final = ("server", "vendor")
"""Blocks whose commands need a running server or the vendor: only their options are checked."""


def _environment(text: str) -> dict[str, str]:
    """A value for each variable that a file names; `{app}` is one of its apps."""
    named = re.findall(r'env: "?((?:\{app\})?\w+)', text)
    names = {name.replace("{app}", app) for name in named for app in ("acme", "bolt")}
    return {name: "redis://127.0.0.1:6379" if name == "REDIS_URL" else CERTIFICATE for name in names}


@pytest.mark.parametrize("page", PAGES)
def test_the_files_load_and_the_commands_do_what_the_page_says(page: str, tmp_path: Path, command: Command) -> None:
    text = (ROOT / f"docs/{page}.md").read_text("utf-8")
    environment = _environment(text)
    for language, words, content in _BLOCK.findall(text):
        if language == "sh":
            for line in content.splitlines():
                _run(line, words, tmp_path, environment, command)
            continue
        path = tmp_path / (words if "." in words else "config.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    assert not (tmp_path / "config.yaml").exists() or load(None, environment, tmp_path).apps


def _run(line: str, words: str, folder: Path, environment: dict[str, str], command: Command) -> None:
    program, *arguments = shlex.split(line, comments=True)
    if program == "touch":
        (folder / arguments[0]).touch()
        return
    assert program == "tokend"
    assert commands._parser().parse_args(arguments)
    if words in _ELSEWHERE:
        return
    done = command(folder, environment, *arguments)
    assert done.returncode == (1 if "# exit 1" in line else 0), done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_a_guide_has_at_most_90_lines(page: str) -> None:
    assert len((ROOT / f"docs/{page}.md").read_text("utf-8").splitlines()) <= 90
