"""The bad configurations of `tests/unit/config/bad`: what each expects, and what loading it says.

`*.yaml` is loaded as the `config.yaml` of a directory that holds `beside/` too; `*.env` is an environment without any file.
Leading lines that begin with `#! ` are the exact problems, all of them, in order.
"""

import shutil
from pathlib import Path

from dotenv import dotenv_values

from tokend.config.loading import ConfigurationError, load

FOLDER = Path(__file__).parent / "bad"
ENVIRONMENT = {
    "CERTIFICATE": "5CFd2fd1755d40ecb72977518be15d3b",
    "SHORT": "5CFd2fd1755d40ecb72977518be15d3",
    "BLANKS": "5CFd2fd1755d40ecb72977518be15d  ",
    "SIGNING": "the-first-signing-key-of-32-bytes",
}


def all_files() -> list[Path]:
    return sorted(path for path in FOLDER.iterdir() if path.is_file())


def expected(path: Path) -> list[str]:
    """What the file says about itself."""
    lines = path.read_text(errors="replace").split("\n")
    return [line.removeprefix("#! ") for line in lines if line.startswith("#! ")]


def problems(path: Path, directory: Path) -> list[str]:
    """What loading it says; `directory` is empty before."""
    environment = ENVIRONMENT
    if path.suffix == ".yaml":
        shutil.copy(path, directory / "config.yaml")
        shutil.copytree(FOLDER / "beside", directory / "beside")
        for secret in (directory / "beside").glob("*"):
            if secret.is_file():  # whatever the umask was when the repository was cloned
                secret.chmod(0o644 if secret.name == "readable" else 0o600)
    else:
        environment = {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}
    try:
        load(None, environment, directory)
    except ConfigurationError as error:
        return list(map(str, error.problems))
    return []
