"""Keep-alive connections that speak HTTP in raw bytes: cheap, so that the server is what is busy. Counts and percentiles."""

import asyncio
import re
from typing import Final, NamedTuple, Self

_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_RETRY_AFTER: Final = re.compile(rb"(?i)\r\nretry-after: *([0-9]+)")


class Reply(NamedTuple):
    """An answer off the wire. `retry_after` in seconds, None where it does not say."""

    status: int
    body: bytes
    retry_after: int | None


class Connection:
    """One connection; answers come in the order of what was sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, host: str = "127.0.0.1") -> Self:
        return cls(*await asyncio.open_connection(host, port))

    async def token_request(self, raw: bytes) -> Reply:
        """Send these bytes, and wait for the answer."""
        self.writer.write(raw)
        return await self.read()

    async def read(self) -> Reply:
        """The next answer; `ConnectionError` or `IncompleteReadError` where there is none."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length, again = _LENGTH.search(head), _RETRY_AFTER.search(head)
        body = await self._reader.readexactly(int(length[1]) if length else 0)
        return Reply(int(head[9:12]), body, int(again[1]) if again else None)

    def close(self) -> None:
        self.writer.close()


def get(path: str, *headers: str) -> bytes:
    """The bytes of a GET; each header as it stands on its line."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: proofs", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    """The bytes of a POST of JSON."""
    lines = [f"POST {path} HTTP/1.1", "Host: proofs", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def percentile(seconds: list[float], part: float) -> float:
    """What this part of them are at most; 0 of none."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def milliseconds(seconds: float) -> str:
    """For people."""
    return f"{seconds * 1000:.1f} ms"
