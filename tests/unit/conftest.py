"""Fixtures of the unit tests."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.unit.http import running

ClientFixture = Callable[[web.Application], Awaitable["TestClient[Any, Any]"]]


@pytest.fixture
def serving(aiohttp_client: ClientFixture) -> running.Serving:
    """`async with serving(YAML) as server`: an application that pytest-aiohttp's client talks to."""
    return partial(running.serving, client_of=aiohttp_client)
