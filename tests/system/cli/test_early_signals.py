"""Signals that come before a command has been imported: a server's own must not end it."""

import subprocess
import sys

import pytest

from tests.running import clean_environment

_CODE = """
import signal, sys, tokend.cli
from tokend.__main__ import main
tokend.cli.main = lambda: print(*(signal.getsignal(name) == signal.SIG_IGN for name in (1, 10, 12)))
main()
"""


@pytest.mark.parametrize(("command", "ignored"), [("serve", True), ("check", False)])
def test_only_serve_ignores_the_signals_of_a_server_while_it_is_imported(command: str, ignored: bool) -> None:
    """logrotate's SIGUSR1 ended a server in its first half second."""
    done = subprocess.run(
        # whoever runs the tests may ignore signals, as nohup does, and children inherit that
        ["env", "--default-signal=HUP,USR1,USR2", sys.executable, "-c", _CODE, command],
        env=clean_environment({}),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.decode().split() == [str(ignored)] * 3
