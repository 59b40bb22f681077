"""`tokend console`: serves the console on loopback for a token server that does not, and forwards its requests there."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from tokend.adapters.resources import CannotStart
from tokend.http import console
from tokend.http.admin_access import Access
from tokend.http.forwarding import MAX_BODY, Forwarder, body_errors
from tokend.http.middlewares import no_cache
from tokend.http.responses import json_error, to_response

CONSOLE_HEADER: Final = "X-Tokend-Console"
"""The console's requests have it. A page of another origin cannot send it without leave, which nobody gives here."""
_LOOPBACK: Final = "127.0.0.1"


def serve_console(url: str, port: int, on_listening: Callable[[str], None]) -> None:
    """Serve the console of an app at `url` until SIGINT or SIGTERM. `port`: 0 for any free one.

    Raises `CannotStart`, also if the server does not answer or has no such app: then the page could do nothing.
    """
    asyncio.run(_serve(url, port, on_listening))


async def _serve(url: str, port: int, on_listening: Callable[[str], None]) -> None:
    forwarder = Forwarder(url)
    if problem := await forwarder.problem():
        await forwarder.close()
        raise CannotStart(problem)
    runner = web.AppRunner(application_of(forwarder, url), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, _LOOPBACK, port)
        try:
            await site.start()
        except OSError as error:
            raise CannotStart(
                f"cannot listen on {_LOOPBACK}:{port}: {error.strerror}; choose another --port"
            ) from error
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        on_listening(f"http://{_LOOPBACK}:{runner.addresses[0][1]}/console")
        await stop.wait()
    finally:
        await runner.cleanup()
        await forwarder.close()


def application_of(forwarder: Forwarder, url: str) -> web.Application:
    """The application: the page, its files, and the public API behind `forwarder`. `url`: where that is."""
    access = Access(None, None)
    app = web.Application(middlewares=[no_cache, body_errors], client_max_size=MAX_BODY)
    app.router.add_get("/", access.by_own_name(_start))
    app.router.add_get("/console", access.by_own_name(_page(url)))
    app.router.add_get("/console/{file}", access.by_own_name(console.file_handler))
    app.router.add_route("*", "/-/public/{path:.+}", access.by_own_name(_public(forwarder)))
    return app


async def _start(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/console")


def _page(url: str) -> Handler:
    async def page(request: web.Request) -> web.StreamResponse:
        return to_response(console.page("remote", url=url), console.PAGE_HEADERS)

    return page


def _public(forwarder: Forwarder) -> Handler:
    async def public(request: web.Request) -> web.StreamResponse:
        if CONSOLE_HEADER not in request.headers:
            return json_error(403, f"only the console may do this: the header {CONSOLE_HEADER} is missing")
        return await forwarder.forward(request, "", request.match_info["path"])

    return public
