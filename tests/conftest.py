"""What every test may use: an application that pytest-aiohttp's client talks to. No property depends on time."""

from collections.abc import Awaitable
from functools import partial
from typing import Any, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, settings

from tests.unit.http import running

# Hypothesis would fail an example that takes 200 ms, and examples that take long to make: a busy machine is no fault.
settings.register_profile("tokend", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tokend")


class ClientFixture(Protocol):
    """pytest-aiohttp's fixture `aiohttp_client`. `options`: of the client's session, such as headers."""

    def __call__(self, app: web.Application, **options: Any) -> Awaitable["TestClient[Any, Any]"]: ...


@pytest.fixture
def serving(aiohttp_client: ClientFixture) -> running.Serving:
    """`async with serving(YAML) as server`: an application that pytest-aiohttp's client talks to."""
    return partial(running.serving, client_of=aiohttp_client)
