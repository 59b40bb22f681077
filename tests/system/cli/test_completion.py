"""`tokend completion`: real shells read the script, and bash completes commands, options, choices and files with it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.needs import skip_or_fail
from tests.running import ROOT, clean_environment, tokend

# what bash does on TAB: it calls the function that `complete -F` named, with the words so far
_TAB = """
. ./completion
[[ $(complete -p tokend) =~ -F\\ ([a-z_]+) ]] || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
"${BASH_REMATCH[1]}" tokend "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `completion`, the script for bash, and a file to complete."""
    made = tmp_path_factory.mktemp("completion")
    (made / "completion").write_text(_script(made, "bash"))
    (made / "production.yaml").write_text("")
    return made


def _script(directory: Path, shell: str) -> str:
    done = tokend(directory, {}, "completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["se"], ["serve"]),
        (["serve", "--work"], ["--workers"]),
        (["plugins", "n"], ["new"]),
        (["completion", "f"], ["fish"]),
        (["check", "--config", "prod"], ["production.yaml"]),
        (["audit", "verify", "prod"], ["production.yaml"]),
    ],
)
def test_bash_completes_commands_options_choices_and_files(
    words: list[str], expected: list[str], directory: Path
) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", _TAB, "bash", "tokend", *words],
        cwd=directory,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.split() == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_can_read_their_script(shell: str, tmp_path: Path) -> None:
    skip_or_fail(None if shutil.which(shell) else f"{shell} is not on the PATH (on Debian: apt-get install {shell})")
    (tmp_path / "script").write_text(_script(tmp_path, shell))
    done = subprocess.run(
        [shell, "-n", "script"], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_other_command_imports_shtab_and_without_it_completion_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "shtab.py").write_text("raise ImportError")
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    assert tokend(tmp_path, environment, "--help").returncode == 0
    done = tokend(tmp_path, environment, "completion", "bash")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the package shtab is missing" in done.stderr
    assert f"-m pip install -e '{ROOT}[completion]'" in done.stderr
