"""What every test may ask for: the vendor's published builders in node, an identity provider, and that nginx is there."""

from collections.abc import Iterator

import pytest

from tests import oracle
from tests.needs import skip_or_fail
from tests.system.identity.provider import Provider, missing
from tests.system.proxy import nginx as web_server


@pytest.fixture(scope="session")
def vendor() -> Iterator[oracle.Vendor]:
    """The vendor's builders. Without them the test is skipped, saying why; where CI=true it fails."""
    skip_or_fail(oracle.missing())
    with oracle.Vendor() as running:
        yield running


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A real identity provider on loopback, which is not started yet. Skipped and failed as the vendor is."""
    skip_or_fail(missing())
    with Provider() as made:
        yield made


@pytest.fixture(scope="session")
def nginx() -> None:
    """For tests that start it (`tests/system/proxy/nginx.py`). Skipped and failed as the vendor is."""
    skip_or_fail(web_server.missing())
