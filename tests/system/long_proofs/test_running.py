"""The proofs' own frame: which scripts a name chooses, and that a missed bar is no success."""

import importlib

import pytest

from tests.long.__main__ import main, scripts
from tests.long.report import Report


def test_every_script_can_be_run() -> None:
    for name in scripts():
        module = importlib.import_module(f"tests.long.{name}")
        assert callable(module.run)
        assert module.__doc__


def test_a_name_that_is_none_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["p0"]) == 2
    assert "there is no such script" in capsys.readouterr().err


def test_a_missed_bar_is_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.figure("tokens", 10)
    report.bar("missing", 0, "none", held=True)
    report.bar("torn lines", 2, "none", held=False)
    assert report.misses == ["torn lines: 2, but none"]
    assert capsys.readouterr().out.splitlines() == [
        "tokens: 10",
        "missing: 0 (none: held)",
        "torn lines: 2 (none: MISSED)",
    ]
