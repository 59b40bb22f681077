"""What the console of the admin listener needs beside the admin API: its page, the apps, their public API, and the last hour.

The page and its files need no key: they are the same for everybody, and hold nothing of this server.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from aiohttp import web

from tokend.dialects import native
from tokend.http import console
from tokend.http.admin_access import Access
from tokend.http.deny_editing import DenyEndpoints
from tokend.http.forwarding import Forwarder
from tokend.http.history import History
from tokend.http.operated import Operated, full_snapshot
from tokend.http.responses import json_error, json_response, to_response
from tokend.issuing.configuration import Route
from tokend.telemetry.log import JsonLog

_NO_FILE: Final = "this application was not made from a file: there is nothing to show"


def add_console(app: web.Application, operated: Operated, access: Access, log: JsonLog, public: str | None) -> None:
    """Add the console to the operator's application. `public`: the URL of the public listener, or None."""
    endpoints = _ConsoleEndpoints(operated, public)
    deny = DenyEndpoints(operated, log, time.time)
    app.cleanup_ctx.append(endpoints.running)
    app.router.add_get("/console", access.by_own_name(_page))
    app.router.add_get("/console/{file}", access.by_own_name(console.file_handler))
    app.router.add_get("/-/apps", access.only_operator(endpoints.apps))
    app.router.add_get("/-/history", access.only_operator(endpoints.history))
    app.router.add_get("/-/failures", access.only_operator(endpoints.failures))
    app.router.add_get("/-/warnings", access.only_operator(endpoints.warnings))
    app.router.add_route("*", "/-/public/{app}/{path:.+}", access.only_operator(endpoints.public))
    app.router.add_get("/-/deny", access.only_operator(deny.show))
    app.router.add_post("/-/deny", access.only_operator(deny.add))
    app.router.add_delete("/-/deny", access.only_operator(deny.remove))


async def _page(request: web.Request) -> web.StreamResponse:
    return to_response(console.page("admin"), console.PAGE_HEADERS)


class _ConsoleEndpoints:
    def __init__(self, operated: Operated, public: str | None) -> None:
        self._operated = operated
        self._public = public
        self._history = History(lambda: full_snapshot(operated), time.time)
        self._forwarder: Forwarder | None = None

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """A cleanup context: what runs while the listener does."""
        self._forwarder = None if self._public is None else Forwarder(self._public)
        sampling = asyncio.create_task(self._history.run())
        yield
        sampling.cancel()
        if self._forwarder is not None:
            await self._forwarder.close()

    async def apps(self, request: web.Request) -> web.StreamResponse:
        """Each app, with its first route that has the dialect native."""
        found: list[dict[str, object]] = []
        for name, route in sorted(self._routes().items()):
            path, host = (None, None) if route is None else (route.prefix, route.host)
            url = None if path is None or self._public is None else self._public + path.rstrip("/")
            shown = {"name": name, "path": path, "host": host, "url": url, "native": route is not None}
            found.append({**shown, "console": route is not None and route.app.options.console})
        return json_response({"apps": found})

    async def public(self, request: web.Request) -> web.StreamResponse:
        """The public API of an app, at its first route that has the dialect native."""
        route = self._routes().get(request.match_info["app"])
        if route is None:
            return json_error(404, "there is no app of this name with the dialect native")
        if self._forwarder is None:
            return json_error(409, "the address of the public listener is unknown")
        return await self._forwarder.forward(request, route.prefix, request.match_info["path"], route.host)

    async def history(self, request: web.Request) -> web.StreamResponse:
        return json_response(self._history.fields())

    async def failures(self, request: web.Request) -> web.StreamResponse:
        """The last requests that failed, the newest first."""
        snapshot = await self._operated.snapshot()
        failures = [msgspec.to_builtins(failure) for failure in reversed(snapshot.failures)]
        reloader = self._operated.reloader
        admin = None if reloader is None else reloader.settings_at_start.admin
        return json_response({"details": admin is not None and admin.details, "failures": failures})

    async def warnings(self, request: web.Request) -> web.StreamResponse:
        """What the configuration warns of now, and when keys of callers end."""
        reloader, now = self._operated.reloader, time.time()
        if reloader is None:
            return json_error(409, _NO_FILE)
        ends = reloader.configuration.next_key_ends(now)
        keys = [{"app": app, "caller": caller, "ends": at} for (app, caller), at in ends.items()]
        warnings = list(reloader.warnings_of(reloader.configuration, now))
        return json_response({"warnings": warnings, "keys": sorted(keys, key=lambda key: float(str(key["ends"])))})

    def _routes(self) -> dict[str, Route | None]:
        reloader = self._operated.reloader
        if reloader is None:
            return {}
        found: dict[str, Route | None] = dict.fromkeys(reloader.configuration.apps)
        for route in reversed(reloader.configuration.routes):
            if any(dialect.name == native.NAME for dialect in route.dialects):
                found[route.app.name] = route
        return found
