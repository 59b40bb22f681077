"""Runs the scripts of a release in a copy of this directory. It need not be a git checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.running import ROOT, clean_environment

_NOT_COPIED: Final = (".git", ".venv", ".env", "build", "dist", "node_modules", "__pycache__", "*.egg-info", ".*_cache")


def copy_sources(target: Path) -> None:
    """Copy this directory without what was installed or built in it. `target` does not exist yet."""
    shutil.copytree(ROOT, target, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_COPIED, ".hypothesis"))


def build(script: str, sources: Path) -> str:
    """What a script of tests/ printed, which has to succeed. Its tools are those of this checkout, or become so."""
    variables = {"PYTHON": sys.executable, "HOME": os.environ["HOME"], "RELEASE_TOOLS": str(ROOT / ".venv/release")}
    done = subprocess.run(
        ["bash", f"tests/{script}"],
        cwd=sources,
        env=clean_environment(variables),
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
