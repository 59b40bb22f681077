"""A full collection of Python's collector stops the loop: thousands of connections must not bring them about."""

import subprocess
import sys

from tests.running import ROOT, clean_environment

_COUNTED = """
import gc
from tokend.process.runtime import collect_seldom
collect_seldom()
full = []
gc.callbacks.append(lambda phase, info: full.append(phase) if info["generation"] == 2 else None)
kept = [[] for _ in range(500_000)]
print(len(full))
"""


def test_objects_of_thousands_of_connections_bring_about_no_full_collection() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED],
        env=clean_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "0"
