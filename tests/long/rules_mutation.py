"""P5: the tests notice a change of what decides. mutmut changes rules, validation and packing a little, many times.

The score is the part of the changes for which a test fails; some of the others change nothing that a test could see. Its
tests are the pure ones. `PROOF_MODULES=3` changes only the first three modules. `make proofs` installs mutmut, which is in
no other list (requirements-proofs.txt).
"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.long.report import Report
from tests.long.sizes import amount

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = (
    "core/reach",
    "core/rules",
    "core/field_limits",
    "core/declarations",
    "core/claims",
    "core/conditions",
    "core/patterns",
    "issuing/grants",
    "issuing/policy",
    "core/deny_entries",
    "core/deny_index",
    "core/service_fields",
    "core/validation",
    "backends/agora/packing",
    "issuing/token_requests",
    "issuing/issuer",
)
TESTS: Final = (
    "tests/unit/core",
    "tests/unit/backends",
    "tests/unit/issuing",
)
NEEDED: Final = ("tokend", "clients", "tests", "docs", "benchmarks", "README.md", "config.yaml", "pyproject.toml")
BAR: Final = 0.95
SURVIVED: Final = (0, 33, None)
"""Exit codes of tests that did not notice: they passed, there are none, or they were not run."""


def run(report: Report) -> None:
    if importlib.util.find_spec("mutmut") is None:
        report.bar("mutmut", "is not installed: make proofs does that", "there", held=False)
        return
    with tempfile.TemporaryDirectory() as directory:
        prepare(Path(directory), MODULES[: amount("PROOF_MODULES", len(MODULES))])
        subprocess.run([sys.executable, "-m", "mutmut", "run"], cwd=directory, stdout=subprocess.DEVNULL, check=False)
        outcomes = found(Path(directory) / "mutants" / "tokend")
    if not outcomes:
        report.bar("mutants", 0, "some: the tests do not run as mutmut runs them", held=False)
    tried = survived = 0
    for module, by_name in outcomes.items():
        surviving = [name for name, code in by_name.items() if code in SURVIVED]
        tried, survived = tried + len(by_name), survived + len(surviving)
        report.figure(module, f"{len(by_name) - len(surviving)} of {len(by_name)} noticed")
        for name in surviving:
            report.detail("survived", name)
    if tried:
        score = 1 - survived / tried
        report.bar("mutation score", f"{score:.1%} of {tried:,}", "at least 95 %", held=score >= BAR)


def prepare(directory: Path, modules: Sequence[str]) -> None:
    """Copy what the tests need, and write which modules to change."""
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, directory / name)
    settings: Mapping[str, object] = {
        "source_paths": ["tokend"],
        "only_mutate": [f"tokend/{module}.py" for module in modules],
        "pytest_add_cli_args_test_selection": list(TESTS),
        "also_copy": [name for name in NEEDED if name != "tokend"],
    }
    written = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    with (directory / "pyproject.toml").open("a") as file:
        file.write(f"\n[tool.mutmut]\n{written}")


def found(mutants: Path) -> dict[str, dict[str, int | None]]:
    """By module, each mutant's name and the exit code of its tests; None where they did not run."""
    return {
        str(path.relative_to(mutants)).removesuffix(".meta"): json.loads(path.read_text())["exit_code_by_key"]
        for path in sorted(mutants.rglob("*.meta"))
    }
