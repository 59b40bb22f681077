"""Answers to what never becomes a request: aiohttp's parser refuses it, and its own answer and log would quote it."""

from collections.abc import Callable
from typing import Any

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

Refuse = Callable[[int, BaseException | None], web.Response]
"""The answer, of this status, to what cannot be read; it writes the log line too."""


class Protocol(RequestHandler):
    """aiohttp's connection, with our words for its errors."""

    __slots__ = ("_refuse",)

    def __init__(self, refuse: Refuse, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._refuse = refuse

    def data_received(self, data: bytes) -> None:
        """A bad chunk of a body that is being read fails that body: aiohttp would leave its reader waiting for ever."""
        super().data_received(data)
        request = self._current_request
        if request is not None and self._messages and not isinstance(self._messages[-1][0], RawRequestMessage):
            self._lingering_time = 0.0
            request.content.set_exception(web.RequestPayloadError("the body cannot be read"))

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

    def __init__(self, refuse: Refuse, made: web.Server) -> None:
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

    def __call__(self) -> RequestHandler:
        return Protocol(self._refuse, self, loop=self._loop, **self._kwargs)


def _fit(request: web.BaseRequest) -> bool:
    """Whether the application would see it: aiohttp answers `OPTIONS *` and unknown expectations by itself."""
    return (
        request.raw_path.startswith("/")
        and request.version in (HttpVersion10, HttpVersion11)
        and request.headers.get(hdrs.EXPECT, "100-continue").lower() == "100-continue"
    )


class Runner(web.AppRunner):
    """aiohttp's runner, on such a server."""

    __slots__ = ("_refuse",)

    def __init__(self, app: web.Application, refuse: Refuse, **options: Any) -> None:
        super().__init__(app, **options)
        self._refuse = refuse

    async def _make_server(self) -> web.Server:
        return _Server(self._refuse, await super()._make_server())
