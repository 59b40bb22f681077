"""Messages between the parent and its workers: JSON objects, each on a line, over a socket pair."""

import asyncio
import contextlib
import socket
from typing import Any, Final

import msgspec.json

MAX_MESSAGE: Final = 256 * 1024 * 1024
"""Bytes: a configuration of many thousand files goes in one message."""


class Channel:
    """One end. `receive` gives None once the other end is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def on(cls, end: socket.socket) -> "Channel":
        return cls(*await asyncio.open_unix_connection(sock=end, limit=MAX_MESSAGE))

    def send(self, **message: Any) -> None:
        """Without waiting: the other end reads all the time, or is gone."""
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
        """Once all that was sent is on its way, or the other end is gone."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()
