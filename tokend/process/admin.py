"""The operator's listener: metrics, readiness with reasons, reload, and the configuration without secrets.

`/-/…` answers only where the listener is on loopback or a unix socket, or to the key that `server.admin` names.
"""

import ipaddress
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from aiohttp import hdrs, web

from tokend.auth.key_digests import digest_of
from tokend.dialects.contract import HttpResponse
from tokend.http.connection_limiter import Caps, ConnectionLimiter, Deadlines
from tokend.http.reply import Reply, reply
from tokend.http.request_parsing import host_of
from tokend.process.control import ServerHandle, full_snapshot
from tokend.process.sockets import address_of
from tokend.process.worker import runner_for
from tokend.telemetry.log import JsonLog, exception_fields
from tokend.telemetry.prometheus import exposition

Handler = Callable[[web.BaseRequest], Awaitable[HttpResponse]]
RELOAD_SECONDS: Final = 90.0
"""The longest that a reload may take; the workers' own deadline is far below."""
CONNECTIONS: Final = 100


class Admin:
    """Answers for a fleet. `configuration` gives the apps as merged, without secrets. `key`: a digest."""

    def __init__(
        self,
        server_handle: ServerHandle,
        configuration: Callable[[], Mapping[str, Any]],
        listener: socket.socket,
        key: str | None,
        log: JsonLog,
    ) -> None:
        self._start_processes = server_handle
        self._configuration = configuration
        self._key = key
        self._local = _is_local(listener)
        self._listener = listener
        self._log = log
        self._connection_limiter = ConnectionLimiter(
            Deadlines(answer=RELOAD_SECONDS), Caps(CONNECTIONS), log, time.monotonic, lambda peer: False
        )
        self._handlers: Mapping[str, tuple[str, Handler]] = {
            "/": ("GET", _index),
            "/metrics": ("GET", self._metrics),
            "/healthz": ("GET", _healthy),
            "/readyz": ("GET", self._ready),
            "/-/config": ("GET", self._limited_transport(self._config)),
            "/-/reload": ("POST", self._limited_transport(self._reload)),
        }
        self._runner: web.ServerRunner

    async def start(self) -> None:
        self._runner = runner_for(self._handle, self._render_error, self._connection_limiter)
        await self._runner.setup()
        self._connection_limiter.start()
        await web.SockSite(self._runner, self._listener).start()

    async def stop(self) -> None:
        self._connection_limiter.stop()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> Reply:
        method, handler = self._handlers.get(request.raw_path.partition("?")[0], ("", _nothing))
        answer = await handler(request) if request.method == method or not method else _error(405, f"use {method}")
        return reply(request, answer, "", secrets.token_hex(8), int(time.time()))

    def _render_error(self, request: web.BaseRequest, status: int, error: BaseException | None) -> Reply:
        if status >= 500 and error is not None:
            self._log.event("admin", "error", **exception_fields(error))
        answer = _error(status, "this cannot be read, or is an error of this server")
        return reply(request, answer, "", secrets.token_hex(8), int(time.time()), close=True)

    def _limited_transport(self, handler: Handler) -> Handler:
        async def handle(request: web.BaseRequest) -> HttpResponse:
            if self._key is not None:
                if digest_of(_bearer(request)) != self._key:
                    return _error(401, "the key of server.admin is needed, as Authorization: Bearer")
            elif not self._local:
                return _error(403, "only on loopback or a unix socket, or with server.admin.key")
            elif hdrs.ORIGIN in request.headers or not _names_this_machine(host_of(request)):
                return _error(403, "no page of a browser may do this")
            return await handler(request)

        return handle

    async def _metrics(self, request: web.BaseRequest) -> HttpResponse:
        body, content_type = exposition(
            await full_snapshot(self._start_processes), request.headers.get(hdrs.ACCEPT, "")
        )
        return HttpResponse(200, body, content_type.removesuffix("; charset=utf-8"))

    async def _ready(self, request: web.BaseRequest) -> HttpResponse:
        reasons = self._start_processes.not_ready_reasons()
        return _json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def _reload(self, request: web.BaseRequest) -> HttpResponse:
        found = await self._start_processes.reloader.reload()
        answer = {"reloaded": found.changed, "fingerprint": found.fingerprint, "problems": found.problems}
        return _json(answer, 409 if found.problems else 200)

    async def _config(self, request: web.BaseRequest) -> HttpResponse:
        configuration = self._start_processes.reloader.configuration
        return _json(
            {"source": configuration.source, "fingerprint": configuration.fingerprint, **self._configuration()}
        )


async def _healthy(request: web.BaseRequest) -> HttpResponse:
    return _json({"status": "ok"})


async def _index(request: web.BaseRequest) -> HttpResponse:
    return _json({"paths": ["/metrics", "/healthz", "/readyz", "/-/config", "POST /-/reload"]})


async def _nothing(request: web.BaseRequest) -> HttpResponse:
    return _error(404, "there is nothing at this path; / tells what there is")


def _json(content: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, orjson.dumps(content))


def _error(status: int, sentence: str) -> HttpResponse:
    return _json({"error": sentence}, status)


def _bearer(request: web.BaseRequest) -> str:
    scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _names_this_machine(host: str | None) -> bool:
    """`localhost` or an address. A page may have any other name lead here (DNS rebinding), and then sends no Origin."""
    if host is None or host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_local(listener: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    address = address_of(listener)
    return address is None or ipaddress.ip_address(address.host).is_loopback
