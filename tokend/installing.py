"""What installs a missing package, for error messages: it works in a checkout and where a wheel is installed."""

import sys
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).parents[1]


def plugin_command(kind: str) -> str | None:
    """The command that installs the package of this kind from a checkout; None if it is not in one.

    A package may bring several kinds, which begin with its name: `vonage_client`.
    """
    package = _CHECKOUT / "plugins" / f"tokend-{kind.partition('_')[0]}"
    try:
        return f"{sys.executable} -m pip install '{package}'" if (package / "pyproject.toml").exists() else None
    except OSError:  # the name is longer than that of any file
        return None


def install_command(extra: str = "") -> str:
    """The command that installs tokend with its dependencies and those of an extra, by the pip of this Python.

    In a checkout it names the checkout. Elsewhere pip knows the installed tokend, and fetches only what is missing.
    """
    package = f"-e '{_CHECKOUT}" if (_CHECKOUT / "pyproject.toml").exists() else "'tokend"
    return f"{sys.executable} -m pip install {package}{f'[{extra}]' if extra else ''}'"
