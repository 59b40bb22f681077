"""The import path that a worker gets."""

import os
from pathlib import Path

import pytest

from tests.running import ROOT
from tokend.process.child_command import import_path


def test_the_working_directory_is_left_out_unless_this_package_lies_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert import_path(["", str(tmp_path), "/usr/lib/python3", "hook"]) == ["/usr/lib/python3", "hook"]
    monkeypatch.chdir(ROOT)
    assert import_path(["", str(tmp_path)]) == ["", str(tmp_path)]


def test_a_working_directory_that_was_removed_stops_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker could be replaced any more, since a relative entry, as of an editable install, cannot be resolved."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert import_path(["", "__editable__.finder.__path_hook__", "/usr"]) == [
            "__editable__.finder.__path_hook__",
            "/usr",
        ]
    finally:
        os.chdir(ROOT)
