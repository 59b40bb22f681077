"""What every test may ask for: the vendor's published builders in node, an identity provider, and that nginx is there."""

import os
from collections.abc import Iterator

import pytest

from tests import oracle
from tests.system.identity.provider import Provider, missing
from tests.system.proxy import nginx as web_server


@pytest.fixture(scope="session")
def vendor() -> Iterator[oracle.Vendor]:
    """The vendor's builders. Without them the test is skipped, saying why; where CI=true it fails."""
    _need(oracle.missing())
    with oracle.Vendor() as running:
        yield running


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A real identity provider on loopback, which is not started yet. Skipped and failed as the vendor is."""
    _need(missing())
    with Provider() as made:
        yield made


@pytest.fixture(scope="session")
def nginx() -> None:
    """For tests that start it (`tests/system/proxy/nginx.py`). Skipped and failed as the vendor is."""
    _need(web_server.missing())


def _need(unmet: str | None) -> None:
    if unmet is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(unmet)
        pytest.skip(unmet)
