"""The application in process, with a clock and nonces that stand still.

Tests take the fixture `serving` (tests/unit/conftest.py), which is made of pytest-aiohttp's `aiohttp_client`.
"""

import io
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from msgspec import Struct
from multidict import CIMultiDict
from yarl import URL

from tests.assembling import assemble
from tests.in_process import InProcessServer, content_of, logged
from tests.unit.http.wire import Reply
from tokend.adapters.system import SYSTEM_NONCES, Clock, SystemNonces
from tokend.app import application_of
from tokend.auth.key_digests import digest_of
from tokend.config.isolation import Isolated
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.interfaces import Interfaces
from tokend.http.connection_limiter import Deadlines
from tokend.http.control import Control
from tokend.http.handler import EndpointHandler
from tokend.issuing.active import ActiveConfiguration
from tokend.issuing.configuration import Configuration
from tokend.issuing.routing import RouteTable
from tokend.telemetry.log import JsonLog

NOW: Final = 1_800_000_000
SALT: Final = 12_345_678
APP_ID: Final = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE: Final = "5CFd2fd1755d40ecb72977518be15d3b"
KEY: Final = "tk_studio_0123456789abcdef"
KINDS: Final = (
    *("rtc", "rtm", "chat", "streaming", "fpa", "fcdn", "apaas", "rtm2", "rtc_rtm", "convoai", "stt", "combined"),
)
"""Every kind that comes with tokend."""


class World(Struct, frozen=True):
    """The clock and the nonces of an application, as functions that a test may replace."""

    clock: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    nonce: Callable[[], int] = SYSTEM_NONCES.nonce
    request_id: Callable[[], str] = SYSTEM_NONCES.request_id


WORLD: Final = World(clock=lambda: NOW, elapsed=lambda: 0.0, nonce=lambda: SALT - 1, request_id=lambda: "request-1")

DEMO: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers:
      studio: {{api_key: "{digest_of(KEY)}"}}
"""
"""One app at /demo for one API key without capabilities."""

OPEN: Final = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers:
      anybody:
        anonymous: true
        rules: [{{capabilities: [wildcard_user, wildcard_channel, wildcard_publish, app_admin]}}]
    routes: [{{path: /}}]
"""
"""One app at / for anybody, with every capability."""


def configuration_of(text: str) -> Configuration:
    """The Configuration of a YAML text; its certificates come from the variable CERTIFICATE."""
    return assemble(parse(text, "config.yaml"), "config.yaml", Secrets({"CERTIFICATE": CERTIFICATE}, Path()))


class Running(InProcessServer):
    """An application that answers `client`."""

    def __init__(self, client: "TestClient[web.Request, web.Application]", control: Control, log: io.BytesIO) -> None:
        super().__init__(control, client.port or 0, log)
        self.client = client

    async def token_request(
        self, method: str, target: str, body: bytes | dict[str, Any] | None = None, /, *headers: tuple[str, str]
    ) -> Reply:
        """A request with these headers, which may stand twice; a dict goes as JSON. What no client sends goes as bytes."""
        if not _is_plain(method, target, headers):
            return await super().token_request(method, target, body, *headers)
        fields = CIMultiDict(headers)
        fields.setdefault("Host", "tokens.example.com")
        async with self.client.request(
            method,
            URL(target, encoded=True),
            data=content_of(body),
            headers=fields,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            allow_redirects=False,
        ) as response:
            found: dict[str, str] = {}
            for name, value in response.headers.items():
                assert name.lower() not in found, f"{name} is given twice in a response"
                found[name.lower()] = value
            return Reply(response.status, found, await response.read())


_TARGET: Final = re.compile(r"/(?:(?![#\\^`{}|\"<>])[!-~])*")
_FIELD: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_CLIENTS_OWN: Final = frozenset({"content-length", "transfer-encoding", "connection", "expect", "content-encoding"})


def _is_plain(method: str, target: str, headers: tuple[tuple[str, str], ...]) -> bool:
    """Whether a client library sends this as it is written."""
    names = [name.lower() for name, _ in headers]
    return (
        method.isalpha()
        and _TARGET.fullmatch(target) is not None
        and URL(target, encoded=True).raw_path_qs == target
        and not _CLIENTS_OWN & set(names)
        and all(_FIELD.fullmatch(text) for field in headers for text in field)
        and len(set(names)) == len(names)
        and "/." not in target
    )


class Serving(Protocol):
    """What the fixture `serving` is: `async with serving(YAML) as server`."""

    def __call__(
        self,
        configuration: Configuration | str,
        world: World = WORLD,
        interfaces: Interfaces = Interfaces(),
        deadlines: Deadlines = Deadlines(),
    ) -> AbstractAsyncContextManager[Running]: ...


Application = web.Application
ClientOf = Callable[[Application], Awaitable["TestClient[web.Request, web.Application]"]]


def application(
    configuration: Configuration | str, world: World, interfaces: Interfaces, deadlines: Deadlines, log: JsonLog
) -> tuple[Control, EndpointHandler, web.Application]:
    """The application of a configuration, with interfaces of the test's in the place of opened ones."""
    ready = configuration_of(configuration) if isinstance(configuration, str) else configuration
    nonces = SystemNonces()
    nonces.nonce, nonces.request_id = world.nonce, world.request_id  # type: ignore[method-assign]
    control = Control(Isolated(ready), Clock(world.clock, world.elapsed), nonces, log, deadlines=deadlines)
    control.active = ActiveConfiguration(ready, RouteTable(ready.routes), interfaces, ready.knows_clients(ready.listen))
    handler = EndpointHandler(control)
    app = application_of(control, handler)
    app.cleanup_ctx.clear()
    return control, handler, app


async def _client_of(app: Application) -> "TestClient[web.Request, web.Application]":
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


@asynccontextmanager
async def serving(
    configuration: Configuration | str,
    world: World = WORLD,
    interfaces: Interfaces = Interfaces(),
    deadlines: Deadlines = Deadlines(),
    client_of: ClientOf = _client_of,
) -> AsyncIterator[Running]:
    """The application as its users run it, but for the real clock."""
    with logged(world.clock) as (log, stream):
        control, _, app = application(configuration, world, interfaces, deadlines, log)
        client = await client_of(app)
        try:
            yield Running(client, control, stream)
        finally:
            await client.close()
