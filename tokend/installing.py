"""What installs a missing package, for error messages: it works in a checkout and where a wheel is installed."""

import sys
from pathlib import Path


def install_command(extra: str = "") -> str:
    """The command that installs tokend with its dependencies and those of an extra, by the pip of this Python.

    In a checkout it names the checkout. Elsewhere pip knows the installed tokend, and fetches only what is missing.
    """
    checkout = Path(__file__).parents[1]
    package = f"-e '{checkout}" if (checkout / "pyproject.toml").exists() else "'tokend"
    return f"{sys.executable} -m pip install {package}{f'[{extra}]' if extra else ''}'"
