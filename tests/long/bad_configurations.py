"""Bad configurations for P8: those of tests/unit/config/bad, and files that are cut off, huge, binary or not there.

Each puts itself into a directory, as its `config.yaml` and what stands beside that. Each says `on_invalid_app: refuse`, so
that every error concerns the whole configuration; `invalid_apps.py` proves what happens without it.
"""

import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.running import APP_ID
from tests.unit.config.bad_files import FOLDER, BadFile, all_files

CANARY: Final = "c4a9e1f7b3d2865097f1c4a9e1f7b3d2"
"""A certificate that stands where none may stand, so that messages are tempted to quote it."""
OF_TESTS: Final = 50
_APPS: Final = f"""apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers: {{any: {{anonymous: true, rules: [{{channel: "demo-*"}}]}}}}
"""


class Bad(NamedTuple):
    """`make` writes it into a directory that may hold others' files."""

    name: str
    make: Callable[[Path], None]


def bad_configurations() -> list[Bad]:
    """More than sixty."""
    files = [file for file in all_files() if file.name.endswith(".yaml")]
    chosen = files[:: max(1, len(files) // OF_TESTS)]
    return [*(Bad(file.name.removesuffix(".yaml"), _copied(file)) for file in chosen), *_of_the_disk()]


def _copied(file: BadFile) -> Callable[[Path], None]:
    return lambda directory: put(directory, refusing(file.content))


def refusing(content: bytes) -> bytes:
    """The same file with `on_invalid_app: refuse`, in its own `server` if it has one."""
    if re.search(rb"^server: *\{", content, re.MULTILINE):
        return re.sub(rb"^server: *\{", b"server: {on_invalid_app: refuse, ", content, count=1, flags=re.MULTILINE)
    if re.search(rb"^server: *\n", content, re.MULTILINE):
        return re.sub(
            rb"^server: *\n( *)", rb"server:\n\1on_invalid_app: refuse\n\1", content, count=1, flags=re.MULTILINE
        )
    return b"server: {on_invalid_app: refuse}\n" + content


def put(directory: Path, content: bytes) -> None:
    """As `config.yaml`, at once, with the folder `beside`."""
    shutil.copytree(FOLDER / "beside", directory / "beside", dirs_exist_ok=True)
    fresh = directory / "fresh"
    fresh.write_bytes(content)
    remove(directory)
    fresh.rename(directory / "config.yaml")


def remove(directory: Path) -> None:
    """Whatever stands there as `config.yaml`."""
    path = directory / "config.yaml"
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def _of_the_disk() -> Iterator[Bad]:
    texts = {
        "half written, in a name": _APPS[:40],
        "half written, in a list": _APPS[: _APPS.index("rules: [") + 6],
        "half written, no app yet": _APPS[:6],
        "the certificate itself": _APPS.replace("{env: CERTIFICATE}", CANARY),
        "the certificate as a key": _APPS.replace("certificate:", f"{CANARY}:"),
        "the certificate as a variable": _APPS.replace("env: CERTIFICATE", f"env: {CANARY}"),
        "no certificate file": _APPS.replace("env: CERTIFICATE", "file: not-there"),
        "a folder as the certificate": _APPS.replace("env: CERTIFICATE", "file: beside"),
        "the audit cannot be opened": f"{_APPS}audit: {{to: {{file: not-there/audit.jsonl}}}}\n",
        "the audit is a folder": f"{_APPS}audit: {{to: {{file: beside}}}}\n",
        "no deny file": f"{_APPS}deny: {{file: not-there.yaml}}\n",
        "a broken deny file": f"{_APPS}deny: {{file: config.yaml}}\n",
    }
    for name, text in texts.items():
        yield Bad(name, lambda directory, text=text: put(directory, refusing(text.encode())))  # type: ignore[misc]
    yield Bad("huge", lambda directory: put(directory, b"# " + b"x" * 2**25 + b"\n" + _APPS.encode()))
    yield Bad("binary", lambda directory: put(directory, random.Random(8).randbytes(4096)))
    yield Bad("zeros", lambda directory: put(directory, bytes(4096)))
    yield Bad("a folder", _replaced_by(Path.mkdir))
    yield Bad("a link to nothing", _replaced_by(lambda path: path.symlink_to("not-there")))
    yield Bad("a link to itself", _replaced_by(lambda path: path.symlink_to("config.yaml")))
    yield Bad("a certificate from a pipe that nobody fills", _pipe)


def _replaced_by(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def replace(directory: Path) -> None:
        remove(directory)
        make(directory / "config.yaml")

    return replace


def _pipe(directory: Path) -> None:
    pipe = directory / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe, 0o600)
    put(directory, refusing(_APPS.replace("env: CERTIFICATE", "file: pipe").encode()))
