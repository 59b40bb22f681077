"""What a test needs and a machine may lack: a program or a package."""

import os

import pytest


def skip_or_fail(unmet: str | None) -> None:
    """Skip the test, saying what is missing; None: nothing is. Where CI=true the test fails instead."""
    if unmet is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(unmet)
    pytest.skip(unmet)
