"""What servers in the test's own process share: their log, and requests sent as bytes."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec.json

from tests.unit.http.wire import Reply, request_bytes, send_raw
from tokend.http.control import Control
from tokend.telemetry.log import JsonLog, LibraryHandler


class InProcessServer:
    """A server that listens on `port` of this machine; `log` is what it wrote."""

    def __init__(self, control: Control, port: int, log: io.BytesIO) -> None:
        self.control = control
        self.port = port
        self.log = log

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.log.getvalue().splitlines()]

    async def send(self, raw: bytes) -> Reply:
        """The answer to these bytes, on a connection of their own."""
        return await send_raw(self.port, raw)

    async def token_request(
        self, method: str, target: str, body: bytes | dict[str, Any] | None = None, /, *headers: tuple[str, str]
    ) -> Reply:
        """A request with these headers, which may stand twice; a dict goes as JSON."""
        return await self.send(request_bytes(method, target, content_of(body), *headers))


def content_of(body: bytes | dict[str, Any] | None) -> bytes | None:
    """The body of a request; a dict goes as JSON."""
    return msgspec.json.encode(body) if isinstance(body, dict) else body


@contextmanager
def logged(clock: Callable[[], float]) -> Iterator[tuple[JsonLog, io.BytesIO]]:
    """A log, which gets the lines of libraries too, and what is written to it."""
    stream = io.BytesIO()
    log = JsonLog(stream, clock)
    library_handler = LibraryHandler(log)
    logging.getLogger().addHandler(library_handler)
    try:
        yield log, stream
    finally:
        logging.getLogger().removeHandler(library_handler)
