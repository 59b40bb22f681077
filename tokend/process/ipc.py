"""Messages between the parent and its workers: MessagePack, each after its length, over a socket pair."""

import asyncio
import contextlib
import socket
from typing import Any, Final

import msgspec.msgpack

_LENGTH: Final = 8
"""Bytes of the number before a message."""


class Channel:
    """One end of the socket pair. `receive` returns None after the other end has closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def on(cls, end: socket.socket) -> "Channel":
        return cls(*await asyncio.open_unix_connection(sock=end))

    def send(self, **message: Any) -> None:
        """Send without waiting, since the other end reads all the time or has closed."""
        if not self._writer.is_closing():
            body = msgspec.msgpack.encode(message)
            self._writer.write(len(body).to_bytes(_LENGTH) + body)

    async def receive(self) -> dict[str, Any] | None:
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH))
            body = await self._reader.readexactly(length)
        except (ConnectionError, asyncio.IncompleteReadError):
            return None
        found: dict[str, Any] = msgspec.msgpack.decode(body)
        return found

    async def flushed(self) -> None:
        """Wait until everything is sent, or the other end has closed."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()
