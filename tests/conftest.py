"""What every test may ask for. `vendor`: the vendor's published builders in node."""

import os
from collections.abc import Iterator

import pytest

from tests import oracle


@pytest.fixture(scope="session")
def vendor() -> Iterator[oracle.Vendor]:
    """The vendor's builders. Without them the test is skipped, saying why; where CI=true it fails."""
    reason = oracle.missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with oracle.Vendor() as running:
        yield running
