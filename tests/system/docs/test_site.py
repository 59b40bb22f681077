"""The documentation site, built as `make docs` builds it."""

import os
import re
import shlex
import subprocess
import venv
from pathlib import Path
from typing import Final

import pytest

from tests.needs import skip_or_fail
from tests.running import ROOT, clean_environment
from tests.system.browser import parts
from tests.system.browser.watching import chromium
from tests.system.console import screenshots
from tokend.cli import commands

_LOADED: Final = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)")
_LOADED_BY_STYLE: Final = re.compile(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)")
_BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/troubleshooting.md").read_text("utf-8"), re.S | re.M)
COMMANDS: Final = "".join(_BLOCKS).splitlines()
"""The commands of the troubleshooting page."""

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("site")]


def mkdocs(*arguments: str, python: Path) -> "subprocess.CompletedProcess[str]":
    """`mkdocs` of the environment with this Python, run to its end at the root."""
    return subprocess.run(
        [python, "-m", "mkdocs", *arguments],
        cwd=ROOT,
        env=clean_environment({"NO_MKDOCS_2_WARNING": "1"}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with requirements-docs.txt: that of `make docs`, or a new one."""
    made = ROOT / ".venv/docs/bin/python"
    if made.exists():
        return made
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, with_pip=True)
    install = [str(directory / "bin/python"), "-m", "pip", "install", "-q", "-r", str(ROOT / "requirements-docs.txt")]
    done = subprocess.run(install, env=os.environ, capture_output=True, text=True, timeout=600, check=False)
    skip_or_fail(f"requirements-docs.txt cannot be installed: {done.stderr[-500:]}" if done.returncode else None)
    return directory / "bin/python"


@pytest.fixture(scope="module")
def site(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the built site."""
    directory = tmp_path_factory.mktemp("site")
    done = mkdocs("build", "--strict", "--quiet", "--site-dir", str(directory), python=python)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def test_a_page_of_the_site_loads_nothing_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    assert {page.name: found for page in pages if (found := _LOADED.findall(page.read_text("utf-8")))} == {}
    styles = list(site.rglob("*.css"))
    assert styles
    assert {
        style.name: found for style in styles if (found := _LOADED_BY_STYLE.findall(style.read_text("utf-8")))
    } == {}


def test_the_search_index_is_part_of_the_site(site: Path) -> None:
    index = (site / "search/search_index.js").read_text("utf-8")
    assert "troubleshooting.html#110-invalid-token" in index


def test_links_to_files_of_the_repository_lead_to_pages_of_the_site(site: Path) -> None:
    assert 'href="../changelog.html"' in (site / "decisions/0011-folders-and-names.html").read_text("utf-8")
    assert 'href="example-backend/' in (site / "backends.html").read_text("utf-8")
    assert (site / "clients/tokend-client.js").read_bytes() == (ROOT / "clients/js/tokend-client.js").read_bytes()


def test_a_code_block_with_words_for_the_tests_is_a_code_block(site: Path) -> None:
    page = (site / "quickstart.html").read_text("utf-8")
    assert "```" not in page
    assert page.count('class="highlight"') >= 4


def test_the_screenshots_are_small_and_as_wide_as_a_window() -> None:
    pictures = {path.name: path.read_bytes() for path in (ROOT / "docs/pictures").glob("*.png")}
    assert pictures
    assert {name: len(data) for name, data in pictures.items() if len(data) > screenshots.LARGEST} == {}
    assert {int.from_bytes(data[16:20]) for data in pictures.values()} == {screenshots.WIDTH}  # of the chunk IHDR


@pytest.mark.parametrize("link", ["missing.md", "quickstart.md#missing", "../missing.txt"])
def test_a_dead_link_or_anchor_fails_the_build(python: Path, tmp_path: Path, link: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(f"# A page\n\n[A link]({link})\n", "utf-8")
    (tmp_path / "docs/quickstart.md").write_text("# Quickstart\n", "utf-8")
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    without_pages = settings.partition("\nnav:")[0].replace("hooks: [docs/site/hook.py]", "")
    (tmp_path / "mkdocs.yml").write_text(without_pages, "utf-8")
    done = mkdocs("build", "--strict", "--config-file", str(tmp_path / "mkdocs.yml"), python=python)
    assert done.returncode != 0
    assert link.partition("#")[2] in done.stderr


async def test_the_search_of_the_site_finds_a_page_and_calls_no_other_host(site: Path) -> None:
    skip_or_fail(None if parts.chromium() else "chromium is not on the PATH (on Debian: apt-get install chromium)")
    requested: list[str] = []
    with parts.site(site) as origin:
        async with chromium() as browser:
            page = await browser.new_page()
            page.set_default_timeout(parts.SECONDS * 1000)
            page.on("request", lambda request: requested.append(request.url))
            await page.goto(f"{origin}/index.html")
            await page.get_by_role("textbox", name="Search").fill("token expired")
            await page.locator(".md-search-result a[href*='troubleshooting.html']").first.wait_for()
    assert [url for url in requested if not url.startswith((origin, "blob:", "data:"))] == []


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_troubleshooting_page_exists(line: str) -> None:
    program, *arguments = shlex.split(line.partition(" < ")[0])
    assert program == "tokend"
    assert commands._parser().parse_args(arguments)
