"""Runs `helm` on deploy/helm/tokend."""

import shutil
import subprocess
from typing import Any, Final

import yaml

from tests.running import ROOT

CHART: Final = ROOT / "deploy/helm/tokend"


def missing() -> str | None:
    """Why it cannot run here, and what to do about it; None when it can."""
    return None if shutil.which("helm") else "no helm on the PATH (bash tests/helm.sh /usr/local/bin)"


def helm(command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`helm COMMAND … CHART`, run to its end."""
    return subprocess.run(
        ["helm", command, *arguments, str(CHART)], capture_output=True, text=True, check=False, timeout=60
    )


def rendered(*settings: str, release: str = "tokend") -> dict[tuple[str, str], Any]:
    """The documents of an installation with these options, by kind and name."""
    done = helm("template", *settings, release)
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    found = {(document["kind"], document["metadata"]["name"]): document for document in documents}
    assert len(found) == len(documents)
    return found


def rejected(*settings: str) -> str:
    """Why such an installation fails."""
    done = helm("template", *settings, "tokend")
    assert done.returncode != 0
    return done.stderr
