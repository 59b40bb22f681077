"""mypy checks every Python file of the repository, strictly."""

import tomllib
from typing import Final

from tests.running import ROOT

_NOT_OURS: Final = {".venv", "build", "dist", "node_modules"}
_LINKED: Final = "clients/python/tokend_client.py"
"""mypy checks it by its other name, tokend/client.py."""


def test_every_python_file_is_among_those_of_mypy() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    checked = {path for name in settings["files"] for path in (ROOT / name, *(ROOT / name).rglob("*.py"))}
    ours = {path for path in ROOT.rglob("*.py") if not _NOT_OURS & set(path.relative_to(ROOT).parts)}
    assert settings["strict"]
    assert {str(path.relative_to(ROOT)) for path in ours - checked} == {_LINKED}
