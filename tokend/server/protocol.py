"""aiohttp's connection with what it lacks: our words for what its parser refuses, and a guard with deadlines and caps.

What never becomes a request (a header that cannot be parsed, `OPTIONS *`, another HTTP version) would be answered and
logged by aiohttp itself, and quoted. Private names of aiohttp are used here alone: docs/decisions/0004.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from tokend.server.guard import Guard

Refuse = Callable[[int, BaseException | None], web.Response]
"""The answer, of this status, to what cannot be read; it writes the log line too."""


class Protocol(RequestHandler):
    """One connection."""

    __slots__ = ("_guard", "_guarded", "_refuse", "address")

    def __init__(self, refuse: Refuse, guard: Guard, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._refuse = refuse
        self._guard = guard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._guarded = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address: str = peer[0] if isinstance(peer, tuple) else ""
        self._guarded.set_write_buffer_limits(0)  # whatever the client does not take at once is told to `pause_writing`
        super().connection_made(transport)
        if not self._guard.joined(self):
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever is unsent."""
        self._guarded.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._guard.left(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._guard.stalls(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._guard.flows(self)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages:
            self._guard.begins_request(self)
            self._fail_broken_body()
        else:
            self._guard.begins_head(self)

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
            self._guard.answered(self)
            if self._messages:  # pipelined: the next one is here already
                self._guard.begins_request(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):
            raise exc  # the client went away: there is nobody to answer
        response = self._refuse(status, exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        response.force_close()
        return response


class _Server(web.Server):
    """Makes a `Protocol` for each connection, out of what aiohttp prepared for its own."""

    def __init__(self, refuse: Refuse, guard: Guard, made: web.Server) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await made.request_handler(request) if _fit(request) else refuse(400, None)

        super().__init__(
            handle,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
        )
        self._kwargs = made._kwargs
        self._refuse = refuse
        self._guard = guard

    def __call__(self) -> RequestHandler:
        return Protocol(self._refuse, self._guard, self, loop=self._loop, **self._kwargs)


def _fit(request: web.BaseRequest) -> bool:
    """Whether the application would see it: aiohttp answers `OPTIONS *` and unknown expectations by itself."""
    return (
        request.raw_path.startswith("/")
        and request.version in (HttpVersion10, HttpVersion11)
        and request.headers.get(hdrs.EXPECT, "100-continue").lower() == "100-continue"
    )


class Runner(web.AppRunner):
    """aiohttp's runner, on such a server."""

    __slots__ = ("_guard", "_refuse")

    def __init__(self, app: web.Application, refuse: Refuse, guard: Guard, **options: Any) -> None:
        super().__init__(app, **options)
        self._refuse = refuse
        self._guard = guard

    async def _make_server(self) -> web.Server:
        return _Server(self._refuse, self._guard, await super()._make_server())
