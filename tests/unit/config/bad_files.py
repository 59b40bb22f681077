"""The bad configurations of `tests/unit/config/bad`: what each is expected to say, and what loading it says.

A table for each subject. A row begins with `=== NAME` and ends before the empty line above the next row.
`NAME.yaml` is loaded as the `config.yaml` of a directory that holds `beside/` too; `NAME.env` is an environment without
any file. Lines that begin with `#! ` are the exact problems, all of them, in order. They belong to the file: its line 1 is
the first line after `=== NAME`.
"""

import re
import shutil
from io import StringIO
from pathlib import Path
from typing import Final, NamedTuple

from dotenv import dotenv_values

from tokend.config.loading import ConfigurationError, load

FOLDER = Path(__file__).parent / "bad"
ENVIRONMENT = {
    "CERTIFICATE": "5CFd2fd1755d40ecb72977518be15d3b",
    "SHORT": "5CFd2fd1755d40ecb72977518be15d3",
    "BLANKS": "5CFd2fd1755d40ecb72977518be15d  ",
    "BLANK_INSIDE": "5CFd2fd1755d40ec b72977518be15d",
    "SIGNING": "the-first-signing-key-of-32-bytes",
}


class BadFile(NamedTuple):
    """A row of a table; `content` holds the expected problems too."""

    name: str
    content: bytes

    @property
    def expected(self) -> list[str]:
        """The problems that the file says it has."""
        lines = self.content.decode(errors="replace").split("\n")
        return [line.removeprefix("#! ") for line in lines if line.startswith("#! ")]


_ROW: Final = re.compile(r"\n?^=== (.+)\n", re.MULTILINE)
_WRITTEN_HERE: Final = [
    BadFile(
        "port_long.env",
        b"#! environment: PORT: must be a port, 0 to 65535\n"
        b"APP_ID=970CA35de60c44645bbae8a215061b33\n"
        b"APP_CERTIFICATE=5CFd2fd1755d40ecb72977518be15d3b\n"
        b"PORT=" + b"9" * 5000 + b"\n",
    ),
    BadFile(
        "yaml_control_character.yaml",
        b"#! config.yaml:2:14: this is not valid YAML: a character stands here that no text file has: delete it\n"
        b"apps: {demo: \x07}\n",
    ),
    BadFile("yaml_not_utf8.yaml", b"#! config.yaml: is not UTF-8 text\napps: {demo: \xff}\n"),
]
"""What an editor would not show or not keep: a very long line, bytes that are not text."""


def all_files() -> list[BadFile]:
    """Every row of every table, by name."""
    files = [*_WRITTEN_HERE]
    for table in FOLDER.glob("*.txt"):
        _, *parts = _ROW.split(table.read_text(encoding="utf-8"))
        files += (BadFile(name, content.encode()) for name, content in zip(parts[::2], parts[1::2], strict=True))
    return sorted(files)


def problems(file: BadFile, directory: Path) -> list[str]:
    """What loading it says; `directory` is empty before."""
    environment = ENVIRONMENT
    if file.name.endswith(".yaml"):
        (directory / "config.yaml").write_bytes(file.content)
        shutil.copytree(FOLDER / "beside", directory / "beside")
        for secret in (directory / "beside").glob("*"):
            if secret.is_file():  # whatever the umask was when the repository was cloned
                secret.chmod(0o644 if secret.name == "readable" else 0o600)
    else:
        variables = dotenv_values(stream=StringIO(file.content.decode()), interpolate=False)
        environment = {name: value or "" for name, value in variables.items()}
    try:
        load(None, environment, directory)
    except ConfigurationError as error:
        return list(map(str, error.problems))
    return []
