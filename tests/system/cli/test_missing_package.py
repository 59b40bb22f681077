"""Where a package is missing that tokend needs, a sentence says so, and no traceback."""

import sys
from pathlib import Path

import pytest

from tests.running import CREDENTIALS, ROOT, tokend


@pytest.mark.parametrize("name", ["pydantic", "aiohttp", "joserfc", "prometheus_client"])
def test_a_missing_package_is_told_in_a_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{name!r}] = None\n")
    done = tokend(tmp_path, {**CREDENTIALS, "PYTHONPATH": f"{tmp_path}:{ROOT}"}, "serve", "--port", "0")
    assert done.returncode == 1
    assert done.stderr == (
        f"tokend: the package {name} is missing: install tokend with its dependencies: "
        f"{sys.executable} -m pip install -e '{ROOT}'\n"
    )
