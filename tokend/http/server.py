"""aiohttp's low-level server with what it lacks: our words for what its parser refuses, and a guard with deadlines and caps.

What never becomes a request (a header that cannot be parsed, `OPTIONS *`, another HTTP version) would be answered and
logged by aiohttp itself, and quoted. Private names of aiohttp are used here alone: docs/decisions/0004.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from tokend.http.connection_limiter import ConnectionLimiter
from tokend.http.reply import Reply

Handle = Callable[[web.BaseRequest], Awaitable[Reply]]
RenderError = Callable[[web.BaseRequest, int, BaseException | None], Reply]
"""The answer, of this status, to what cannot be read; it writes the log line too."""


class Protocol(RequestHandler):
    """One connection."""

    __slots__ = ("_connection_limiter", "_limited_transport", "_render_error", "address", "loop")

    def __init__(
        self, render_error: RenderError, connection_limiter: ConnectionLimiter, manager: web.Server, **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self._render_error = render_error
        self._connection_limiter = connection_limiter
        self.loop: asyncio.AbstractEventLoop = options["loop"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._limited_transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address: str = peer[0] if isinstance(peer, tuple) else ""
        self._limited_transport.set_write_buffer_limits(
            0
        )  # whatever the client does not take at once is told to `pause_writing`
        super().connection_made(transport)
        if not self._connection_limiter.joined(self):
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever is unsent."""
        self._limited_transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connection_limiter.left(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._connection_limiter.stalls(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._connection_limiter.flows(self)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages:
            self._connection_limiter.begins_request(self)
            self._fail_broken_body()
        else:
            self._connection_limiter.begins_head(self)

    def _fail_broken_body(self) -> None:
        """A bad chunk of a body that is being read fails that body: aiohttp would leave its reader waiting for ever."""
        request = self._current_request
        if request is not None and not isinstance(self._messages[-1][0], RawRequestMessage):
            self._lingering_time = 0.0
            request.content.set_exception(web.RequestPayloadError("the body cannot be read"))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._connection_limiter.answered(self)
            if self._messages:  # pipelined: the next one is here already
                self._connection_limiter.begins_request(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):
            raise exc  # the client went away: there is nobody to answer
        answer = self._render_error(request, status, exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        return cast(web.StreamResponse, answer)  # it has all that aiohttp asks of one


class Server(web.Server):
    """Makes a `Protocol` for each connection. `options`: those of aiohttp's RequestHandler."""

    def __init__(
        self,
        handle: Handle,
        render_error: RenderError,
        connection_limiter: ConnectionLimiter,
        max_body: int,
        **options: Any,
    ) -> None:
        """`max_body`: bytes that a body is read up to, whatever its endpoint takes."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            found = await handle(request) if _fit(request) else render_error(request, 400, None)
            return cast(web.StreamResponse, found)  # it has all that aiohttp asks of one

        def request_of(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
            loop = protocol.loop
            return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=max_body)

        super().__init__(answer, request_factory=request_of)
        self._render_error = render_error
        self._connection_limiter = connection_limiter
        self._options = options

    def __call__(self) -> RequestHandler:
        return Protocol(
            self._render_error, self._connection_limiter, self, loop=asyncio.get_running_loop(), **self._options
        )


def _fit(request: web.BaseRequest) -> bool:
    """Whether it is a path of HTTP/1.1 or 1.0, with the one expectation that there is."""
    return (
        request.raw_path.startswith("/")
        and request.version in (HttpVersion11, HttpVersion10)
        and (hdrs.EXPECT not in request.headers or request.headers[hdrs.EXPECT].lower() == "100-continue")
    )
