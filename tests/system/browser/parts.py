"""What the tests of this folder need besides Python: Debian's Chromium, and the packages of `package.json`."""

import functools
import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Final

from tests.plain_web import plain_web

HERE: Final = Path(__file__).parent
PACKAGES: Final = ("agora-react-uikit", "agora-rtm-sdk", "esbuild", "react", "react-dom")
SECONDS: Final = 60.0
"""The longest that a test waits for anything."""


def chromium() -> str | None:
    """Where Chromium is: `CHROMIUM` of the environment names another one than Debian's, such as Google Chrome."""
    return shutil.which(os.environ.get("CHROMIUM") or "chromium")


def missing() -> str | None:
    """Why no page can be opened here, and what to do about it; None when one can."""
    if chromium() is None:
        return "no browser tests: chromium is not on the PATH (on Debian: apt-get install chromium)"
    return missing_packages(HERE, PACKAGES)


def missing_packages(directory: Path, packages: tuple[str, ...]) -> str | None:
    """The same for npm packages in a directory of the tests, and for node."""
    if shutil.which("node") is None:
        return "no browser tests: node is not on the PATH (install it with npm; make test then installs the packages)"
    for package in packages:
        if not (directory / "node_modules" / package).is_dir():
            return f"no browser tests: tests/{directory.name} lacks {package} (make test installs it where npm is)"
    return None


def build(directory: Path) -> None:
    """The pages of `page/`, each with its packages in one script."""
    pages = sorted(str(one) for one in (HERE / "page").iterdir())
    settings = ("--bundle", "--jsx=automatic", "--loader:.html=copy", '--define:process.env.NODE_ENV="production"')
    esbuild = HERE / "node_modules" / ".bin" / "esbuild"
    command = [str(esbuild), *pages, *settings, f"--outdir={directory}", "--log-level=warning"]
    subprocess.run(command, check=True, timeout=SECONDS, cwd=HERE)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def site(directory: Path) -> AbstractContextManager[str]:
    """The files of a directory; gives the origin."""
    return plain_web(functools.partial(_Quiet, directory=directory))
