"""The console and the JavaScript client: static files of the package, in tokend/console/, which the browser runs as they are."""

from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final, Literal

from aiohttp import web

from tokend.dialects.contract import HttpResponse
from tokend.http.responses import to_response

Mode = Literal["app", "admin", "remote"]
"""Whose console the page is: an app's, the admin listener's, or that of the command `tokend console`."""
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For pages whose scripts and styles are files: the console and the API reference."""
PAGE_HEADERS: Final = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
CLIENT: Final = "client.js"
PAGE: Final = "index.html"
_MODE: Final = b'data-mode="app"'
_PLACE: Final = b'"console/'
_CONTENT_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def page(mode: Mode, prefix: str = "", url: str = "") -> HttpResponse:
    """The page of the console, which finds its mode and the app's URL in attributes of its `html` element.

    `prefix`: the path below which its files are. `url`: where the app is served, if that is elsewhere.
    """
    written, attributes = package_files("console")[PAGE], f'data-mode="{mode}" data-url="{escape(url)}"'
    body = written.body.replace(_MODE, attributes.encode(), 1).replace(_PLACE, f'"{escape(prefix)}/console/'.encode())
    return HttpResponse(200, body, written.content_type)


def file(name: str, folder: str = "console") -> HttpResponse | None:
    """A file that the page in this folder loads; None if there is none of this name."""
    return None if name == PAGE else package_files(folder).get(name)


async def file_handler(request: web.Request) -> web.StreamResponse:
    """The handler for `/console/{file}`."""
    found = file(request.match_info["file"])
    if found is None:
        raise web.HTTPNotFound
    return to_response(found)


@cache
def package_files(folder: str) -> Mapping[str, HttpResponse]:
    """All files of a folder of the package by name, read when the first of them is requested."""
    found = {}
    for entry in files("tokend").joinpath(folder).iterdir():
        stem, dot, suffix = entry.name.rpartition(".")
        content_type = _CONTENT_TYPES.get(dot + suffix)
        if stem and content_type is not None:
            found[entry.name] = HttpResponse(200, entry.read_bytes(), content_type)
    return found
