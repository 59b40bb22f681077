"""The files of the operator's tabs: they can make no markup of what they show, and keep nothing; their types are right."""

import re
import subprocess
from typing import Final

import pytest

from tests import oracle
from tests.needs import skip_or_fail
from tests.running import ROOT
from tests.system.browser import parts

_FILES: Final = (
    *("status.js", "plots.js", "series.js", "failures.js", "denylist.js", "denyform.js"),
    *("configuration.js", "tree.js", "tables.js", "times.js"),
)
_CONSOLE: Final = ROOT / "tokend" / "console"
_MARKUP: Final = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.style\b|style:|eval\(|localStorage|sessionStorage"
)
_TYPESCRIPT: Final = (
    "--allowJs --checkJs --noEmit --strict --target es2023 --module es2022 --lib es2023,dom,dom.iterable"
)
_SECONDS: Final = 60


@pytest.mark.parametrize("name", _FILES)
def test_no_file_makes_markup_or_styles_or_keeps_anything(name: str) -> None:
    text = (_CONSOLE / name).read_text()
    assert text.startswith("// @ts-check\n")
    assert _MARKUP.findall(text) == []


def test_the_types_are_right() -> None:
    compiler = oracle.HERE / "node_modules" / ".bin" / "tsc"
    skip_or_fail(parts.missing_packages(oracle.HERE, ("typescript",)))
    files = [str(_CONSOLE / name) for name in _FILES]
    done = subprocess.run([compiler, *_TYPESCRIPT.split(), *files], capture_output=True, text=True, timeout=_SECONDS)
    assert (done.returncode, done.stdout) == (0, "")
