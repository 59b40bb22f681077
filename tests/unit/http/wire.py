"""HTTP/1.1 in raw bytes, for tests whose subject is the bytes, and for what no client library sends."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec.json


class Reply(NamedTuple):
    """An answer off the wire. Header names are in lower case; `raw` is the whole of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    raw: bytes = b""

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


async def send_raw(port: int, raw: bytes) -> Reply:
    """The answer of a server on this machine to these bytes, on a connection of their own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        return await read_reply(reader)
    finally:
        writer.close()


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
        assert name.lower() not in headers, f"{name} is given twice in an answer"
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Reply(int(first.split(" ")[1]), headers, body, head + body)
