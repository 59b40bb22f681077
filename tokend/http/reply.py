"""An answer as one preformatted write: head and body in one piece of bytes, for aiohttp's low-level server.

aiohttp asks of what a handler returns only `prepare`, `write_eof`, `keep_alive` and `status`; its own Response builds and
serializes a multidict of headers for each answer, which costs as much as minting the token (docs/decisions/0007).
"""

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from tokend.dialects.contract import HttpResponse

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "private, no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "-1",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a URL may hold a key
    "Server": "tokend",
}
"""On every answer, beside Vary (which a preflight's lines bring), Date, X-Request-ID, Content-Type and Content-Length."""
VARY: Final = "Vary: Origin\r\n"
BODILESS: Final = frozenset({204, 304})


class Reply:
    """What aiohttp takes for a response."""

    __slots__ = ("_writer", "content", "keep_alive", "status")

    def __init__(self, status: int, content: bytes, keep_alive: bool) -> None:
        self.status = status
        self.content = content
        self.keep_alive = keep_alive
        self._writer: AbstractStreamWriter

    async def prepare(self, request: web.BaseRequest) -> None:
        self._writer = request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        await self._writer.write(self.content)
        await self._writer.drain()


def reply(
    request: web.BaseRequest, answer: HttpResponse, lines: str, request_id: str, now: int, *, close: bool = False
) -> Reply:
    """The whole of an answer. `lines`: further header lines, each with its end; `now` in Unix seconds.

    An answer to HEAD, and one of a bodiless status, has no body. `close`: the connection ends with it.
    """
    keep_alive = not close and request.keep_alive and request.version >= (1, 1)
    body, length = answer.body, f"Content-Length: {len(answer.body)}\r\n"
    if request.method == "HEAD":
        body = b""
    elif answer.status in BODILESS:
        body, length = b"", ""
    if not lines.startswith("Vary: "):
        lines = VARY + lines
    head = (
        f"{_first_lines(answer.status, answer.content_type)}{lines}X-Request-ID: {request_id}\r\n"
        f"{length}Date: {_date(now)}\r\n{'' if keep_alive else CLOSE}\r\n"
    )
    return Reply(answer.status, head.encode("latin-1") + body, keep_alive)


CLOSE: Final = "Connection: close\r\n"


@lru_cache(maxsize=256)
def _first_lines(status: int, content_type: str) -> str:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    if status not in BODILESS:
        lines.append(f"Content-Type: {content_type}; charset=utf-8")
    return "".join(f"{line}\r\n" for line in [*lines, *(f"{name}: {value}" for name, value in HEADERS.items())])


@lru_cache(maxsize=2)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
