"""The operator's application: metrics, readiness with reasons, reload, and the configuration without secrets.

`/-/…` answers only on loopback or a unix socket, or to the key that `server.admin` names.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Final, Protocol

import msgspec
from aiohttp import hdrs, web
from msgspec.structs import replace

from tokend.auth.key_digests import digest_of
from tokend.config.loading import ConfigurationError, shown_apps
from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import HttpResponse
from tokend.http.differences import difference_of
from tokend.http.middlewares import no_cache
from tokend.http.parser_errors import parser_error
from tokend.http.reloader import Reloader
from tokend.http.request_parsing import host_of
from tokend.http.responses import NO_CACHE, to_response
from tokend.telemetry.log import JsonLog, exception_fields
from tokend.telemetry.metrics import NOTHING, Snapshot, Values, merged
from tokend.telemetry.prometheus import exposition

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PATHS: Final = ("/metrics", "/healthz", "/readyz", "/-/config", "/-/diff", "POST /-/reload")
_WRONG_HOST: Final = (
    "the Host header must be localhost, an address, or the host of server.admin.listen: "
    "a page of a browser can have any other name lead here"
)


class Operated(Protocol):
    """What is operated: one application, or the processes of `tokend serve`. `reloader`: None if it has no file."""

    @property
    def reloader(self) -> Reloader | None: ...

    async def snapshot(self) -> Snapshot:
        """The metrics of all processes, those that have ended included."""

    def not_ready_reasons(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""


def application_of(
    operated: Operated, key: str | None, log: JsonLog, *, local: bool | None = None, host: str | None = None
) -> web.Application:
    """The application. `key`: the digest of what opens `/-/…` from other machines.

    `local`: whether its listener is reached from this machine alone; None: each connection tells. `host`: the name or
    address that the configuration gives the listener.
    """
    endpoints = _Endpoints(operated, key, local, host)
    app = web.Application(middlewares=[no_cache, _errors_in(log)])
    app.router.add_get("/", endpoints.by_own_name(_index))
    app.router.add_get("/healthz", _healthy)
    app.router.add_get("/metrics", endpoints.by_own_name(endpoints.metrics))
    app.router.add_get("/readyz", endpoints.ready)
    app.router.add_get("/-/config", endpoints.only_operator(endpoints.configuration))
    app.router.add_get("/-/diff", endpoints.only_operator(endpoints.difference))
    app.router.add_post("/-/reload", endpoints.only_operator(endpoints.reload))
    return app


def unreadable(log: JsonLog) -> Callable[[web.BaseRequest, int, BaseException | None], web.StreamResponse]:
    """The response to what never becomes a request of the application."""

    def respond(request: web.BaseRequest, status: int, error: BaseException | None) -> web.StreamResponse:
        if status >= 500 and error is not None:
            log.event("admin", "error", **exception_fields(error))
        api_error = parser_error(error)
        if status >= 500:
            api_error = ApiError(Code.INTERNAL, "an error of this server; its log has the reason")
        response = _error(api_error.status, api_error.sentence)
        response.headers.update({**NO_CACHE, "X-Request-ID": secrets.token_hex(8)})
        response.force_close()
        return response

    return respond


async def full_snapshot(operated: Operated) -> Snapshot:
    """Its metrics, with those that belong to no process alone."""
    gauges: Values = {
        "tokend_workers": {(): 0.0},  # so that it is 0 when all have ended, and not missing
        "tokend_ready": {(): float(not operated.not_ready_reasons())},
    }
    if (reloader := operated.reloader) is not None:
        gauges |= {
            "tokend_apps": {(): float(len(reloader.configuration.apps))},
            "tokend_app_valid": {
                **{(name,): 1.0 for name in reloader.configuration.apps},
                **{(name,): 0.0 for name in reloader.invalid_apps},
            },
            "tokend_config_info": {(reloader.configuration.apps_fingerprint,): 1.0},
            "tokend_key_expires_timestamp_seconds": reloader.configuration.next_key_ends(time.time()),
            "tokend_config_last_reload_successful": {(): float(not reloader.refused)},
            "tokend_config_last_load_timestamp_seconds": {(): reloader.loaded_at},
        }
    return merged([await operated.snapshot(), replace(NOTHING, values=gauges)])


class _Endpoints:
    def __init__(self, operated: Operated, key: str | None, local: bool | None, host: str | None) -> None:
        self._operated = operated
        self._key = key
        self._local = local
        self._host = None if host is None else host.lower()

    def by_own_name(self, handler: Handler) -> Handler:
        """The handler, which answers on loopback only a request that names this machine: see `_names_this_machine`.

        Probes (`/healthz`, `/readyz`) go without, since they may come by any name.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            if _is_on_loopback(request) and not self._is_named(request):
                return _error(403, _WRONG_HOST)
            return await handler(request)

        return handle

    def only_operator(self, handler: Handler) -> Handler:
        """The handler, which answers only the operator."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if self._key is not None:
                if digest_of(_bearer(request)) != self._key:
                    return _error(401, "the key of server.admin is needed, as Authorization: Bearer")
            elif not (_is_local(request) if self._local is None else self._local):
                return _error(403, "only on loopback or a unix socket, or with server.admin.key")
            elif hdrs.ORIGIN in request.headers:
                return _error(403, "no page of a browser may do this")
            elif not self._is_named(request):
                return _error(403, _WRONG_HOST)
            return await handler(request)

        return handle

    def _is_named(self, request: web.BaseRequest) -> bool:
        host = host_of(request)
        return host == self._host or _names_this_machine(host)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        body, content_type = exposition(await full_snapshot(self._operated), request.headers.get(hdrs.ACCEPT, ""))
        return to_response(HttpResponse(200, body, content_type.removesuffix("; charset=utf-8")))

    async def ready(self, request: web.Request) -> web.StreamResponse:
        reasons = self._operated.not_ready_reasons()
        return _json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def reload(self, request: web.Request) -> web.StreamResponse:
        if self._operated.reloader is None:
            return _error(409, "this application was not made from a file: there is nothing to reload")
        result = await self._operated.reloader.reload()
        answer = {
            "result": result.result,
            "fingerprint": result.fingerprint,
            "removed": result.removed,
            "problems": result.problems,
            "invalid_apps": result.invalid_apps,
            "serving_last_version": result.serving_last_version,
        }
        return _json(answer, 409 if result.problems else 200)

    async def configuration(self, request: web.Request) -> web.StreamResponse:
        reloader = self._operated.reloader
        if reloader is None:
            return _error(409, "this application was not made from a file: there is nothing to show")
        configuration = reloader.configuration
        apps = shown_apps(reloader.source, reloader.files)
        shown = {"source": configuration.source, "fingerprint": configuration.fingerprint}
        return _json({**shown, "invalid_apps": reloader.invalid_apps, **apps})

    async def difference(self, request: web.Request) -> web.StreamResponse:
        """What a reload would change, per app. Nothing is changed."""
        reloader = self._operated.reloader
        if reloader is None:
            return _error(409, "this application was not made from a file: there is nothing to compare")
        try:
            return _json(await difference_of(reloader))
        except ConfigurationError as error:
            return _json({"problems": [str(problem) for problem in error.problems], "apps": {}, "settings": []}, 409)


def _errors_in(log: JsonLog) -> Any:
    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        """One shape for every error, and an id on every response."""
        try:
            response = await handler(request)
        except web.HTTPMethodNotAllowed as error:
            response = _error(405, f"use {' or '.join(sorted(error.allowed_methods - {'HEAD'}))}")
        except web.HTTPNotFound:
            response = _error(404, "there is nothing at this path; / lists the paths")
        except Exception as error:  # noqa: BLE001  # a bug is a 500, and is logged without its text
            log.event("admin", "error", **exception_fields(error))
            response = _error(500, "this cannot be read, or is an error of this server")
        response.headers["X-Request-ID"] = secrets.token_hex(8)
        return response

    return errors


async def _healthy(request: web.Request) -> web.StreamResponse:
    return _json({"status": "ok"})


async def _index(request: web.Request) -> web.StreamResponse:
    return _json({"paths": _PATHS})


def _json(content: object, status: int = 200) -> web.Response:
    return to_response(HttpResponse(status, msgspec.json.encode(content)))


def _error(status: int, sentence: str) -> web.Response:
    return _json({"error": sentence}, status)


def _bearer(request: web.BaseRequest) -> str:
    scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _names_this_machine(host: str | None) -> bool:
    """`localhost` or an address. A page may have any other name lead here (DNS rebinding), and then sends no Origin."""
    if host is None or host == "localhost":
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_on_loopback(request: web.BaseRequest) -> bool:
    """Whether the connection came to a loopback address. Pages of a browser cannot reach a unix socket."""
    end = request.get_extra_info("sockname")
    if not isinstance(end, tuple):
        return False
    address = ip_address(end[0].partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_local(request: web.BaseRequest) -> bool:
    """Whether the connection is of a unix socket, or has loopback at both ends and no proxy between."""
    ends = [request.get_extra_info(end) for end in ("sockname", "peername")]
    forwarded = hdrs.X_FORWARDED_FOR in request.headers or hdrs.FORWARDED in request.headers
    return not forwarded and all(not isinstance(end, tuple) or ip_address(end[0]).is_loopback for end in ends)
