"""The operator's listener: metrics, readiness with reasons, reload, and the configuration without secrets.

`/-/…` answers only where the listener is on loopback or a unix socket, or to the key that `server.admin` names.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from aiohttp import hdrs, web

from tokend.auth import digest_of
from tokend.server.fleet import Fleet
from tokend.server.listening import address_of
from tokend.server.metrics import exposition

Handler = Callable[[web.Request], Awaitable[web.Response]]
_NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "tokend"}


class Admin:
    """Answers for a fleet. `configuration` gives the apps as merged, without secrets. `key`: a digest."""

    def __init__(
        self, fleet: Fleet, configuration: Callable[[], Mapping[str, Any]], listener: socket.socket, key: str | None
    ) -> None:
        self._fleet = fleet
        self._configuration = configuration
        self._key = key
        self._local = _is_local(listener)
        self._listener = listener
        self._runner: web.AppRunner

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/", _index)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", _healthy)
        app.router.add_get("/readyz", self._ready)
        app.router.add_post("/-/reload", self._guarded(self._reload))
        app.router.add_get("/-/config", self._guarded(self._config))
        self._runner = web.AppRunner(app, access_log=None, auto_decompress=False, keepalive_timeout=75.0)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    def _guarded(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            if self._key is not None:
                if digest_of(_bearer(request)) != self._key:
                    return _json({"error": "the key of server.admin is needed, as Authorization: Bearer"}, 401)
            elif not self._local:
                return _json({"error": "only on loopback or a unix socket, or with server.admin.key"}, 403)
            elif hdrs.ORIGIN in request.headers:
                return _json({"error": "no page of a browser may do this"}, 403)
            return await handler(request)

        return handle

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = exposition(await self._fleet.snapshot(), request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=body, headers={**_NO_STORE, hdrs.CONTENT_TYPE: content_type})

    async def _ready(self, request: web.Request) -> web.Response:
        reasons = self._fleet.unready()
        return _json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def _reload(self, request: web.Request) -> web.Response:
        found = await self._fleet.reloader.reload()
        answer = {"reloaded": found.changed, "fingerprint": found.fingerprint, "problems": found.problems}
        return _json(answer, 409 if found.problems else 200)

    async def _config(self, request: web.Request) -> web.Response:
        setup = self._fleet.reloader.setup
        return _json({"source": setup.source, "fingerprint": setup.fingerprint, **self._configuration()})


async def _healthy(request: web.Request) -> web.Response:
    return _json({"status": "ok"})


async def _index(request: web.Request) -> web.Response:
    return _json({"paths": ["/metrics", "/healthz", "/readyz", "/-/config", "POST /-/reload"]})


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type="application/json", headers=_NO_STORE)


def _bearer(request: web.Request) -> str:
    scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _is_local(listener: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    address = address_of(listener)
    return address is None or ipaddress.ip_address(address.host).is_loopback
