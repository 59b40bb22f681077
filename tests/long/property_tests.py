"""P14, P8 and P5: the property tests of secrets, configuration and rules at many times the size of the ordinary run.

Whatever a configuration holds is taken or refused in sentences; no message holds a piece of a secret; the rules say
what the naive model says. `PROOF_EXAMPLES=20` for more or fewer; the usual size takes about half an hour.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.long.report import Report
from tests.long.sizes import amount

ROOT: Final = Path(__file__).parents[2]
TESTS: Final = (
    "tests/unit/config/test_any_tree.py",
    "tests/unit/config/test_secrecy.py",
    "tests/unit/core/test_rule_texts.py",
    "tests/unit/core/test_rules_reference.py",
)
TIMES: Final = 20


def run(report: Report) -> None:
    times = amount("PROOF_EXAMPLES", TIMES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *TESTS, "-n", "2"],
        cwd=ROOT,
        env={**os.environ, "PROOF_EXAMPLES": str(times)},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = done.stdout.strip().rpartition("\n")[2]
    passed = re.search(r"(\d+) passed", summary)
    report.figure("examples, times those of the ordinary run", times)
    report.figure("property tests and their neighbours that passed", passed[1] if passed else 0)
    report.bar("tests that failed", summary if done.returncode else "0", "0", held=done.returncode == 0)
