"""Messages between the parent and its workers: JSON objects, one per line, over a socket pair."""

import asyncio
import contextlib
import socket
from typing import Any, Final

import msgspec.json

MAX_MESSAGE: Final = 256 * 1024 * 1024
"""Bytes. One message can hold a configuration of many thousand files."""


class Channel:
    """One end of the socket pair. `receive` returns None after the other end has closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def on(cls, end: socket.socket) -> "Channel":
        return cls(*await asyncio.open_unix_connection(sock=end, limit=MAX_MESSAGE))

    def send(self, **message: Any) -> None:
        """Send without waiting, since the other end reads all the time or has closed."""
        if not self._writer.is_closing():
            self._writer.write(msgspec.json.encode(message) + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        try:
            line = await self._reader.readline()
        except (ConnectionError, ValueError):
            return None
        found: dict[str, Any] | None = msgspec.json.decode(line) if line.endswith(b"\n") else None
        return found

    async def flushed(self) -> None:
        """Wait until everything is sent, or the other end has closed."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()
