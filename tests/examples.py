"""How many examples a property test tries: few in the ordinary run, PROOF_EXAMPLES times as many in tests/long."""

import os
from typing import Final

from hypothesis import settings

TIMES: Final = int(os.environ.get("PROOF_EXAMPLES", "1"))


def examples(count: int) -> settings:
    """A decorator for `@given`."""
    return settings(max_examples=count * TIMES)
