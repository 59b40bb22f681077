"""What every unit test may use."""

import pytest

from tests.unit.commands import Command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `tokend` commands in this process."""
    return Command(monkeypatch, capsys)
