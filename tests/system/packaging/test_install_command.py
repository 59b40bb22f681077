"""Error messages say how to install what is missing, from where the reader is."""

import shutil
import subprocess
import sys
from pathlib import Path

import tokend


def test_elsewhere_it_names_the_package_of_which_pip_knows_the_metadata(tmp_path: Path) -> None:
    (tmp_path / "tokend").mkdir()
    for name in ("__init__.py", "installing.py"):
        shutil.copy(Path(tokend.__file__).parent / name, tmp_path / "tokend")
    code = "from tokend.installing import install_command; print(install_command('otel'))"
    printed = subprocess.check_output([sys.executable, "-S", "-c", code], cwd=tmp_path, text=True)
    assert printed == f"{sys.executable} -m pip install 'tokend[otel]'\n"
