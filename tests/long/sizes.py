"""How much a script does: its usual amount, or what the environment says instead (`PROOF_ASKS=1000000`)."""

import os
from typing import Final

CHANGED: Final[dict[str, int]] = {}
"""What the environment said to the script that runs now; `__main__` empties it before each."""


def amount(name: str, default: int) -> int:
    """How many."""
    if name not in os.environ:
        return default
    CHANGED[name] = int(os.environ[name])
    return CHANGED[name]
