"""A real Redis for the tests of the limits."""

from collections.abc import Iterator

import pytest

from tests.system.limits.redis_server import RedisServer, need_redis


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """One for all tests that leave it as it was. Without the program the test is skipped, saying why."""
    need_redis()
    with RedisServer() as running:
        yield running


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """One of the test's own, to be harmed."""
    need_redis()
    with RedisServer() as running:
        yield running
