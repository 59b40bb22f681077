"""A real Redis for the tests of the limits."""

import os
from collections.abc import Iterator

import pytest

from tests.limits.redis_server import RedisServer, missing


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """One for all tests that leave it as it was. Without the program the test is skipped, saying why; fails in CI."""
    _need()
    with RedisServer() as running:
        yield running


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """One of the test's own, to be harmed."""
    _need()
    with RedisServer() as running:
        yield running


def _need() -> None:
    lacking = missing()
    if lacking is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)
