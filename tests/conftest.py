"""What every test may use: an application that pytest-aiohttp's client talks to."""

from collections.abc import Awaitable
from functools import partial
from typing import Any, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.unit.http import running


class ClientFixture(Protocol):
    """pytest-aiohttp's fixture `aiohttp_client`. `options`: of the client's session, such as headers."""

    def __call__(self, app: web.Application, **options: Any) -> Awaitable["TestClient[Any, Any]"]: ...


@pytest.fixture
def serving(aiohttp_client: ClientFixture) -> running.Serving:
    """`async with serving(YAML) as server`: an application that pytest-aiohttp's client talks to."""
    return partial(running.serving, client_of=aiohttp_client)
