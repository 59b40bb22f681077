"""The operator's application: metrics, readiness with reasons, reload, and the configuration without secrets.

`/-/…` answers to the key that `server.admin` names or, without one, on a unix socket. admin_access.py has the rules.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from tokend.config.showing import redacted
from tokend.dialects.contract import HttpResponse
from tokend.http.admin_access import Access
from tokend.http.admin_console import add_console
from tokend.http.differences import difference_of
from tokend.http.forwarding import MAX_BODY, body_errors
from tokend.http.middlewares import no_cache
from tokend.http.operated import Operated, full_snapshot
from tokend.http.parser_errors import parser_error
from tokend.http.responses import json_error, json_response, to_response
from tokend.telemetry.log import JsonLog, exception_fields
from tokend.telemetry.prometheus import exposition

_INTERNAL: Final = "an error of this server; its log has the reason"
_PATHS: Final = ("/metrics", "/healthz", "/readyz", "/console", "/-/config", "/-/diff", "POST /-/reload")


def application_of(
    operated: Operated, key: str | None, log: JsonLog, *, host: str | None = None, public: str | None = None
) -> web.Application:
    """The application. `key`: the digest of the admin key, without which only a unix socket opens `/-/…`.

    `host`: the name or address that the configuration gives the listener. `public`: the URL of the public listener, for the
    console; None if there is none, or it is not known.
    """
    endpoints, access = _Endpoints(operated), Access(key, host)
    app = web.Application(middlewares=[no_cache, _errors_in(log), body_errors], client_max_size=MAX_BODY)
    app.router.add_get("/", access.by_own_name(_index))
    app.router.add_get("/healthz", _healthy)
    app.router.add_get("/metrics", access.by_own_name(endpoints.metrics))
    app.router.add_get("/readyz", endpoints.ready)
    app.router.add_get("/-/config", access.only_operator(endpoints.configuration))
    app.router.add_get("/-/diff", access.only_operator(endpoints.difference))
    app.router.add_post("/-/reload", access.only_operator(endpoints.reload))
    if key is not None:  # no browser opens a unix socket
        add_console(app, operated, access, log, public)
    return app


def unreadable(log: JsonLog) -> Callable[[web.BaseRequest, int, BaseException | None], web.StreamResponse]:
    """The response to what never becomes a request of the application."""

    def respond(request: web.BaseRequest, status: int, error: BaseException | None) -> web.StreamResponse:
        if status >= 500 and error is not None:
            log.event("admin", "error", **exception_fields(error))
        api_error = parser_error(error)
        response = json_error(500, _INTERNAL) if status >= 500 else json_error(api_error.status, api_error.sentence)
        response.force_close()
        return response

    return respond


class _Endpoints:
    def __init__(self, operated: Operated) -> None:
        self._operated = operated

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        snapshot, accept = await full_snapshot(self._operated), request.headers.get(hdrs.ACCEPT, "")
        body, content_type = await asyncio.to_thread(exposition, snapshot, accept)  # thousands of apps have many lines
        return to_response(HttpResponse(200, body, content_type.replace("; charset=utf-8", "")))

    async def ready(self, request: web.Request) -> web.StreamResponse:
        reasons = self._operated.not_ready_reasons()
        return json_response({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def reload(self, request: web.Request) -> web.StreamResponse:
        if self._operated.reloader is None:
            return json_error(409, "this application was not made from a file: there is nothing to reload")
        result = await self._operated.reloader.reload()
        return json_response(result, 409 if result.problems else 200)

    async def configuration(self, request: web.Request) -> web.StreamResponse:
        reloader = self._operated.reloader
        if reloader is None:
            return json_error(409, "this application was not made from a file: there is nothing to show")
        configuration, invalid_apps = reloader.configuration, reloader.invalid_apps
        shown = {
            "source": configuration.source,
            "fingerprint": configuration.fingerprint,
            "invalid_apps": invalid_apps,
            "apps": await asyncio.to_thread(redacted, (await reloader.written())["apps"]),
        }
        return json_response(shown)

    async def difference(self, request: web.Request) -> web.StreamResponse:
        """What a reload would change, per app. Nothing is changed."""
        reloader = self._operated.reloader
        if reloader is None:
            return json_error(409, "this application was not made from a file: there is nothing to compare")
        difference = await difference_of(reloader)
        return json_response(difference, 409 if difference["problems"] else 200)


def _errors_in(log: JsonLog) -> Any:
    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        """One shape for every error."""
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as error:
            return json_error(405, f"use {' or '.join(sorted(error.allowed_methods - {'HEAD'}))}")
        except web.HTTPNotFound:
            return json_error(404, "there is nothing at this path; / lists the paths")
        except Exception as error:  # noqa: BLE001  # a bug is a 500, and is logged without its text
            log.event("admin", "error", **exception_fields(error))
            return json_error(500, _INTERNAL)

    return errors


async def _healthy(request: web.Request) -> web.StreamResponse:
    return json_response({"status": "ok"})


async def _index(request: web.Request) -> web.StreamResponse:
    # the console is served only where there is a key
    served = {resource.canonical for resource in request.app.router.resources()}
    return json_response({"paths": [path for path in _PATHS if path.rpartition(" ")[2] in served]})
