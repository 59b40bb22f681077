"""Files of secrets that others may change, and a `.env` that they may read: one warning each, with what to run."""

from pathlib import Path

import pytest

from tests.unit.commands import Command
from tests.unit.config.writing import CERTIFICATE, ENVIRONMENT, ONE_APP, write
from tokend.config.loading import Files, Source

IN_FILES = ONE_APP.replace("{env: CERTIFICATE}", '{file: "keys/{app}"}')


def _warnings(directory: Path) -> list[str]:
    configuration = Source(None, {}, directory).load(Files())
    return [warning for warning in configuration.warnings_at(0.0) if "by others than" in warning]


@pytest.mark.parametrize(
    ("mode", "does"), [(0o644, "read"), (0o640, "read"), (0o602, "changed"), (0o666, "read and changed"), (0o600, None)]
)
def test_an_exposed_dotenv_is_warned_of(mode: int, does: str | None, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": ONE_APP, ".env": f"CERTIFICATE={CERTIFICATE}\n"})
    path = tmp_path / ".env"
    path.chmod(mode)
    warning = f"{path} (mode {mode:04o}) can be {does} by others than its owner: chmod 600 {path}"
    assert _warnings(tmp_path) == ([] if does is None else [warning])


def test_a_dotenv_that_others_read_is_no_warning_where_secrets_may_be_read(tmp_path: Path) -> None:
    text = f"secrets: {{readable_files: true}}\n{ONE_APP}"
    write(tmp_path, {"config.yaml": text, ".env": f"CERTIFICATE={CERTIFICATE}\n"})
    path = tmp_path / ".env"
    path.chmod(0o644)
    assert _warnings(tmp_path) == []
    path.chmod(0o666)
    assert _warnings(tmp_path) == [f"{path} (mode 0666) can be changed by others than its owner: chmod go-w {path}"]


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o620, True), (0o602, True), (0o622, True), (0o600, False), (0o400, False)]
)
def test_a_writable_secret_file_is_warned_of(mode: int, warned: bool, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": IN_FILES, "keys/demo": CERTIFICATE})
    path = tmp_path / "keys/demo"
    path.chmod(mode)
    warning = f"{path} (mode {mode:04o}) can be changed by others than its owner: chmod go-w {path}"
    assert _warnings(tmp_path) == ([warning] if warned else [])


def test_writable_secret_files_are_one_warning(tmp_path: Path) -> None:
    app = IN_FILES.partition("demo:\n")[2]
    names = ("a", "b", "c", "d")
    text = "apps:\n" + "".join(f"  {name}:\n{app}" for name in names)
    write(tmp_path, {"config.yaml": text, **{f"keys/{name}": CERTIFICATE for name in names}})
    for name in names:
        (tmp_path / "keys" / name).chmod(0o622)
    keys = tmp_path / "keys"
    assert _warnings(tmp_path) == [
        f"{keys}/a (mode 0622), {keys}/b (mode 0622), {keys}/c (mode 0622) and 1 other can be changed by others than "
        f"their owner: chmod go-w {keys}/a {keys}/b {keys}/c, and the others likewise"
    ]


def test_check_prints_the_warning(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"config.yaml": ONE_APP, ".env": "OTHER=1\n"})
    (tmp_path / ".env").chmod(0o644)
    found = command(tmp_path, ENVIRONMENT, "check")
    assert found.returncode == 0
    assert "(mode 0644) can be read by others than its owner: chmod 600 " in found.stdout
