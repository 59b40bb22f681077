"""README and quickstart do what they say: `run` blocks are run against the shipped configuration, YAML is loaded."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import DEMO, ROOT, clean_environment, serving
from tokend.config.loading import load

README = (ROOT / "README.md").read_text()
QUICKSTART = (ROOT / "docs/quickstart.md").read_text()
BLOCK = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```$", re.M | re.S)
BLOCKS = [(found[1] + found[2], found[3]) for found in BLOCK.finditer(README + QUICKSTART)]


def of(info: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == info]


def test_every_block_is_of_a_form_that_is_checked() -> None:
    assert {info for info, _ in BLOCKS} == {"sh", "sh run", "yaml config"}


def test_run_blocks_run(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in DEMO.items()))
    (tmp_path / ".curlrc").write_text("fail\nsilent\nshow-error\n")
    with serving(tmp_path, {}) as server:
        assert server.url in server.greeting[1]
        for block in of("sh run"):
            script = block.replace("http://127.0.0.1:8080", server.url)
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=tmp_path,
                env=clean_environment({"HOME": str(tmp_path)}),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
            assert done.stdout
            if "/rtc/" in script:
                assert done.stdout.startswith('{"rtcToken":"007')
            if "v1/token" in script:
                assert '"renew_at"' in done.stdout
                assert '"unmet":["channel' in done.stdout
            if "inspect" in script:
                assert "the client joins with" in done.stdout


@pytest.mark.parametrize("text", of("yaml config"))
def test_yaml_blocks_load(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    assert load(None, DEMO, tmp_path).apps


def test_make_commands_are_targets() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    commands = re.findall(r"^make (\w+)", "\n".join(of("sh")), re.M)
    assert {"run", "test"} <= set(commands) <= set(targets)


def test_links_lead_somewhere() -> None:
    for page, folder in ((README, ROOT), (QUICKSTART, ROOT / "docs")):
        for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", page):
            assert (folder / target).exists(), target


def test_the_readme_is_read_in_two_minutes() -> None:
    assert len(README.splitlines()) <= 120
