"""A real server of the Door on a free port, spoken to in raw bytes, with a clock and a salt that stand still.

Used by the tests of the server and of the dialects.
"""

import asyncio
import io
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from aiohttp import web

from tokend.auth.key_digests import digest_of
from tokend.config.assemble import assemble
from tokend.config.entry_points import BACKENDS
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.interfaces import Interfaces
from tokend.http.connection_limiter import Caps, ConnectionLimiter, Deadlines
from tokend.http.handler import ActiveConfiguration, Handler, World
from tokend.issuing.configuration import Configuration
from tokend.process.worker import runner_of
from tokend.telemetry.log import JsonLog, LibraryHandler

NOW: Final = 1_800_000_000
SALT: Final = 12_345_678
APP_ID: Final = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE: Final = "5CFd2fd1755d40ecb72977518be15d3b"
KEY: Final = "tk_studio_0123456789abcdef"
KINDS: Final = (
    *("rtc", "rtm", "chat", "streaming", "fpa", "fcdn", "apaas", "rtm2", "rtc_rtm", "convoai", "stt", "combined"),
)
"""Every kind that comes with tokend."""
WORLD: Final = World(clock=lambda: NOW, elapsed=lambda: 0.0, nonce=lambda: SALT, request_id=lambda: "request-1")

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
    """The Setup of a YAML text; its certificates come from the variable CERTIFICATE."""
    return assemble(
        parse(text, "config.yaml"), "config.yaml", Secrets({"CERTIFICATE": CERTIFICATE}, Path()), BACKENDS.load
    )


class Reply(NamedTuple):
    """An answer off the wire. Header names are in lower case; `raw` is the whole of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    raw: bytes = b""

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Running:
    """A server that listens; `log` is what it wrote."""

    def __init__(self, handler: Handler, connection_limiter: ConnectionLimiter, port: int, log: io.BytesIO) -> None:
        self.handler = handler
        self.connection_limiter = connection_limiter
        self.port = port
        self.log = log

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.log.getvalue().splitlines()]

    async def send(self, raw: bytes) -> Reply:
        """The answer to these bytes, on a connection of their own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            return await read_reply(reader)
        finally:
            writer.close()

    async def token_request(
        self, method: str, target: str, body: bytes | dict[str, Any] | None = None, /, *headers: tuple[str, str]
    ) -> Reply:
        """A request with these headers, which may stand twice; a dict goes as JSON."""
        content = orjson.dumps(body) if isinstance(body, dict) else body
        return await self.send(request_bytes(method, target, content, *headers))


def request_bytes(method: str, target: str, body: bytes | None, /, *headers: tuple[str, str]) -> bytes:
    """The bytes of a request; Host and Content-Length are added where they are missing."""
    written = [*headers]
    names = {name.lower() for name, _ in headers}
    if "host" not in names:
        written.insert(0, ("Host", "tokens.example.com"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        written.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in written)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + (body or b"")


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """One answer: its head, and as many bytes as its Content-Length says."""
    async with asyncio.timeout(3):
        head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().rstrip("\r\n").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        assert name.lower() not in headers, f"{name} stands twice in an answer"
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Reply(int(first.split(" ")[1]), headers, body, head + body)


@asynccontextmanager
async def serving(
    configuration: Configuration | str,
    world: World = WORLD,
    interfaces: Interfaces = Interfaces(),
    deadlines: Deadlines = Deadlines(),
    caps: Caps = Caps(),
) -> AsyncIterator[Running]:
    """The server as `serve` runs it, but for signals and the real clock."""
    stream = io.BytesIO()
    log = JsonLog(stream, world.clock)
    library_handler = LibraryHandler(log)
    logging.getLogger().addHandler(library_handler)
    ready = configuration_of(configuration) if isinstance(configuration, str) else configuration
    loaded = ActiveConfiguration.of(ready, interfaces, ready.knows_clients(ready.listen))
    handler = Handler(loaded, log, world, deadlines=deadlines)
    connection_limiter = ConnectionLimiter(deadlines, caps, log, time.monotonic, lambda address: False)
    runner = runner_of(handler, connection_limiter)
    await runner.setup()
    connection_limiter.start()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield Running(handler, connection_limiter, runner.addresses[0][1], stream)
    finally:
        connection_limiter.stop()
        await runner.cleanup()
        logging.getLogger().removeHandler(library_handler)
