"""The console's modules as text: their types hold, and none of them can make markup or code of a text."""

import re
from typing import Final

import pytest

from tests.oracle import HERE as NODE
from tests.running import ROOT
from tests.system.clients.js.node import need_node, run

CONSOLE: Final = ROOT / "tokend" / "console"
MODULES: Final = sorted(path.name for path in CONSOLE.glob("*.js") if not path.is_symlink())
FORBIDDEN: Final = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML"
    r"|\.style\b|style:|\beval\(|new Function|localStorage|sessionStorage|indexedDB|document\.cookie|https?://"
)
"""What makes markup, styles or code of a text, keeps something beyond the page, or names another host."""
SVG: Final = "http://www.w3.org/2000/svg"
"""The name of a namespace, which nothing fetches."""


async def test_the_types_hold() -> None:
    need_node(NODE, "typescript")
    settings = ("--allowJs", "--checkJs", "--noEmit", "--strict", "--lib", "es2023,dom,dom.iterable")
    modules = ("--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler")
    await run(str(NODE / "node_modules/typescript/bin/tsc"), *settings, *modules, *MODULES, directory=CONSOLE)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_checked_and_makes_no_markup(name: str) -> None:
    text = (CONSOLE / name).read_text("utf-8")
    assert text.startswith("// @ts-check\n")
    assert FORBIDDEN.findall(text.replace(SVG, "")) == []


def test_the_page_has_no_inline_script_and_no_inline_style() -> None:
    page = (CONSOLE / "index.html").read_text("utf-8")
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) == []
