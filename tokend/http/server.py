"""What `tokend serve` adds to the application: deadlines and caps for connections, and errors of the HTTP parser.

aiohttp itself would quote what its parser rejects in its response and log. Only this module uses private names of
aiohttp: docs/decisions/0004.
"""

import asyncio
import selectors
import socket
from collections.abc import Callable
from typing import Any, Final, cast

from aiohttp import StreamReader, web
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from tokend.http.connection_limiter import ConnectionLimiter
from tokend.http.parser_errors import MAX_HEADER, MAX_HEADERS, MAX_URL

PRIVATE_NAMES: Final = frozenset({"_current_request", "_lingering_time", "_messages"})
"""Those of aiohttp's RequestHandler. `tokend serve` does not start with a version of aiohttp that has others."""
ACCEPT_ITERATIONS: Final = 4
"""Iterations of the event loop after which an accepted connection belongs to the server."""
LAST_ITERATIONS: Final = 1_000
"""The most iterations of the event loop in which the last connections are accepted. Under load a new one waits almost always."""
ACCEPTED_AT_ONCE: Final = 16
"""Connections that asyncio accepts before those over the cap are closed: few, so that they fit into `RESERVED` descriptors."""
RECEIVED_AT_ONCE: Final = 16 * 1024
"""Bytes that are read from a connection at once. With asyncio's 256 KiB, broken requests leave the heap full of holes."""
BACKLOG: Final = 4096
"""The most connections that wait in the kernel to be accepted, as Linux allows. Requests of any others arrive seconds late."""
LINGER_SECONDS: Final = 1.0
"""The longest time for which the rest of a rejected body is read and discarded, so that its sender sees the response."""
IDLE_SECONDS: Final = 75.0
"""How long an idle connection stays open."""
LAST_REQUEST_SECONDS: Final = 1.0
"""How long, while the server stops, a request on an idle connection is still answered; its connection then closes."""
RenderError = Callable[[web.BaseRequest, int, BaseException | None], web.StreamResponse]
"""Returns the response, with this status, to a request that cannot be parsed. It writes the log line too."""


class LimitedConnection(RequestHandler):
    """A connection, whose events it reports to the connection limiter."""

    __slots__ = ("_body", "_connection_limiter", "_limited_transport", "_render_error", "address", "loop")

    def __init__(
        self, render_error: RenderError, connection_limiter: ConnectionLimiter, manager: web.Server, **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self._render_error = render_error
        self._connection_limiter = connection_limiter
        self._body: StreamReader | None = None
        self.loop: asyncio.AbstractEventLoop = options["loop"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._limited_transport = cast(asyncio.Transport, transport)
        transport.max_size = RECEIVED_AT_ONCE  # type: ignore[attr-defined]
        peer = transport.get_extra_info("peername")
        self.address: str = peer[0] if isinstance(peer, tuple) else ""
        # so that asyncio calls `pause_writing` for all that the client does not read at once
        self._limited_transport.set_write_buffer_limits(0)
        super().connection_made(transport)
        if not self._connection_limiter.joined(self):
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever is unsent."""
        self._limited_transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connection_limiter.left(self)
        self._body = None  # it refers to this connection, and holds what has arrived
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
            self._body = self._messages[-1][1]
        else:
            self._connection_limiter.begins_head(self)
        self._report_body()

    def _report_body(self) -> None:
        """Report whether the body of the last request is complete."""
        if self._body is None:
            return
        if self._body.is_eof():
            self._body = None
            self._connection_limiter.body_arrived(self)
        else:
            self._connection_limiter.awaits_body(self)

    def _fail_broken_body(self) -> None:
        """Fail the body that is being read if one of its chunks is bad: with aiohttp alone, its reader would wait for ever."""
        message, request = self._messages[-1][0], self._current_request
        if isinstance(message, RawRequestMessage):
            return
        message.exc.__traceback__ = None  # its frames refer to it: such a cycle waits for the garbage collector
        if request is not None:
            self._lingering_time = 0.0
            request.content.set_exception(web.RequestPayloadError("the body cannot be read"))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            if not request.content.is_eof() and not self._connection_limiter.may_linger(self):
                self._lingering_time = 0.0
            self._connection_limiter.answered(self)
            if self._messages:  # pipelined: the next request has arrived already
                self._connection_limiter.begins_request(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):
            raise exc  # the client has closed the connection
        answer = self._render_error(request, status, exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        return answer


class Server(web.Server):
    """Serves an application of aiohttp, with a `LimitedConnection` for each connection.

    `inner`: the server of a `web.AppRunner` after its setup. `options`: those of aiohttp's RequestHandler.
    """

    def __init__(
        self, inner: web.Server, render_error: RenderError, connection_limiter: ConnectionLimiter, **options: Any
    ) -> None:
        super().__init__(inner.request_handler, request_factory=inner.request_factory)
        self._render_error = render_error
        self._connection_limiter = connection_limiter
        self._options = options

    def __call__(self) -> RequestHandler:
        return LimitedConnection(
            self._render_error, self._connection_limiter, self, loop=asyncio.get_running_loop(), **self._options
        )


class LimitedRunner:
    """Runs an application behind the connection limiter. `tokend serve` runs the public and the admin application with it.

    All settings of aiohttp that differ from its defaults are here.
    """

    def __init__(self, app: web.Application, render_error: RenderError, connection_limiter: ConnectionLimiter) -> None:
        """`render_error` returns the response to requests that cannot be parsed."""
        self._apps = web.AppRunner(app, access_log=None)
        self._render_error = render_error
        self._connection_limiter = connection_limiter
        self._runner: web.ServerRunner
        self._listener: socket.socket
        self._site: web.BaseSite

    async def start(self, listener: socket.socket) -> None:
        """Start the application and accept connections on the listener. Raises what the application's startup raises."""
        await self.set_up()
        await self.accept(listener)

    async def set_up(self) -> None:
        """Start the application. Raises what its startup raises."""
        await self._apps.setup()
        inner = self._apps.server
        if inner is None:
            raise RuntimeError("the application has no server")
        server = Server(
            inner,
            self._render_error,
            self._connection_limiter,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
            max_line_size=MAX_URL,
            max_field_size=MAX_HEADER,
            max_headers=MAX_HEADERS,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=LAST_REQUEST_SECONDS)
        await self._runner.setup()

    async def accept(self, listener: socket.socket) -> None:
        """Accept connections on the listener."""
        self._connection_limiter.start()
        self._listener = listener
        self._site = web.SockSite(self._runner, listener, backlog=ACCEPTED_AT_ONCE)
        await self._site.start()
        listener.listen(BACKLOG)  # asyncio has one `backlog`: for the queue, and for what it accepts at once

    async def stop_accepting(self) -> None:
        """Accept what waits in the kernel, then no more. What is accepted is served."""
        quiet = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            for _ in range(LAST_ITERATIONS):
                # in each iteration this comes before asyncio's own accept, so it sees every connection that waits
                quiet = 0 if selector.select(0) else quiet + 1
                # asyncio drops what it has accepted but not attached when its server closes
                if quiet > ACCEPT_ITERATIONS:
                    break
                await asyncio.sleep(0)
            else:  # connections never stop coming: leave them to other processes
                asyncio.get_running_loop().remove_reader(self._listener)
                for _ in range(ACCEPT_ITERATIONS):
                    await asyncio.sleep(0)
        await self._site.stop()

    async def cleanup(self) -> None:
        """Close all connections, then clean up the application."""
        self._connection_limiter.stop()
        await self._runner.cleanup()
        await self._apps.cleanup()
