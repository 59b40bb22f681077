"""nginx in front of tokend as docs/operating.md writes it, and, without an `upstream`, with a new connection for each request."""

import asyncio
import re
from typing import Final

from tests.running import ROOT

_, _, _PAGE = (ROOT / "docs/operating.md").read_text().partition("\n## Behind nginx")
UPSTREAM, LOCATION = re.findall(r"^```nginx\n(.*?)^```", _PAGE, re.M | re.S)
FRESH: Final = "location / {{ proxy_pass http://127.0.0.1:{port}; }}"


def kept(port: int) -> tuple[str, str]:
    """What the page says to stand in `http` and in `server`, for a tokend on this port."""
    assert UPSTREAM.count("127.0.0.1:8080") == 1
    return UPSTREAM.replace("127.0.0.1:8080", f"127.0.0.1:{port}"), LOCATION


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, open_now: set[object]) -> None:
    """Answers one request, and closes when it has the next: as if its end and that request had met on the way."""
    open_now.add(writer)
    try:
        for answers in (True, False):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"POST" in head:
                await reader.readexactly(2)
            if answers:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except asyncio.IncompleteReadError:
        pass  # the proxy has ended
    finally:
        writer.close()
        open_now.discard(writer)
