"""The server's own pages: status, ping, health, and the documents of a route. They contain no other app and no secret."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

import msgspec.json

from tokend import __version__
from tokend.core.errors import ApiError, Code
from tokend.dialects.contract import HttpResponse, Page
from tokend.http import api_reference, console
from tokend.issuing import openapi
from tokend.issuing.app_options import Parts
from tokend.issuing.configuration import Route

HTML: Final = "text/html"
_STYLE: Final = """
:root{color-scheme:light dark;background:#fff;color:#1b1b1b}
a{color:#0b57d0}
@media (prefers-color-scheme:dark){:root{background:#161616;color:#eee}a{color:#9ec1ff}}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}
code{background:#8883;padding:.1em .3em;border-radius:.2em}
table{border-collapse:collapse;margin:1em 0}
td{border:1px solid #8886;padding:.3em .6em;vertical-align:top;overflow-wrap:anywhere}
"""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
}
_PONG: Final = HttpResponse(200, b'{"message":"pong"}')
_REFERENCE: Final = Page("docs")
_PLAIN_REFERENCE: Final = Page("docs", "plain")


def headers_of(page: Page | None, response: HttpResponse) -> Mapping[str, str] | None:
    """What a browser may load for this page, as headers; None if it is no page. `page`: None for one of the server itself."""
    if response.content_type != HTML:
        return None
    is_viewer = page == _REFERENCE and api_reference.directory() is not None
    if is_viewer or (page is not None and page.name == "console"):
        return console.PAGE_HEADERS
    return _HEADERS


def own_page(path: tuple[str, ...], not_ready_reasons: Callable[[], list[str]], mounted_at: str) -> HttpResponse | None:
    """The answer to `/`, `/ping`, `/healthz` or `/readyz`; None for any other path. `mounted_at`: the application's prefix."""
    if len(path) > 1:
        return None
    match path:
        case ():
            return _start_page(mounted_at)
        case ("ping",):
            return _PONG
        case ("healthz",):
            return HttpResponse(200, b'{"status":"ok"}')
        case ("readyz",):
            return (
                HttpResponse(503, b'{"ready":false}') if not_ready_reasons() else HttpResponse(200, b'{"ready":true}')
            )
    return None


def _start_page(mounted_at: str) -> HttpResponse:
    """What this server is, and where things are. No app is named: whoever uses one knows its path."""
    at = escape(mounted_at)
    rows = "".join(f"<tr><td>{place}</td><td>{meaning}</td></tr>" for place, meaning in _PLACES)
    return _html(
        "tokend",
        f"<h1>tokend</h1><p>This token server is running, version {__version__}. It issues short-lived access tokens for "
        "real-time services.</p><p>Each app has a path of its own, which its operator tells you. Below that path:</p>"
        f"<table>{rows}</table><p>The server itself: <a href='{at}/healthz'>{at}/healthz</a> answers while it lives, "
        f"<a href='{at}/readyz'>{at}/readyz</a> when it takes requests.</p>",
    )


_PLACES: Final = (
    ("<code>…/docs</code>", "the API reference, with examples"),
    ("<code>…/openapi.json</code>", "the same for programs"),
    ("<code>…/console</code>", "a page to request, explain and inspect tokens, where the operator has switched it on"),
    ("<code>…/client.js</code>", "the JavaScript client, which renews tokens by itself"),
)


class Documents:
    """The documents of a configuration's routes. Each is made at its first request and then kept.

    That takes 10 to 30 ms, so a thread does it.
    """

    def __init__(self, routes: Sequence[Route] = ()) -> None:
        """`routes`: those of the configuration. A document lists the custom ones of its app and host."""
        self.routes = routes
        self._made: dict[tuple[str | None, Parts, str], HttpResponse] = {}

    async def get(self, page: Page, route: Route, mounted_at: str = "") -> HttpResponse:
        """A page of a route, or one of the page's files. Raises `ApiError` if there is none."""
        if page.name == "ping":
            return _PONG
        if page.name in ("console", console.CLIENT):
            found = _of_console(page, route, mounted_at + route.prefix.rstrip("/"))
        elif page == _REFERENCE and api_reference.directory() is not None:
            found = api_reference.page(f"tokend: {route.app.name}", mounted_at + route.prefix.rstrip("/"))
        elif page.file and page != _PLAIN_REFERENCE:
            found = api_reference.file(page.file)
        else:
            found = await self._document(page.name, route, mounted_at)
        if found is None:
            raise ApiError(Code.NOT_FOUND, "there is nothing at this path")
        return found

    async def _document(self, name: str, route: Route, mounted_at: str) -> HttpResponse:
        key = route.host, route.path, name
        if key not in self._made:
            made = await asyncio.to_thread(document, name, route, mounted_at, self._custom_routes(route))
            self._made.setdefault(key, made)
        return self._made[key]

    def _custom_routes(self, route: Route) -> list[Route]:
        return [
            other
            for other in self.routes
            if other.options.is_custom and other.app is route.app and other.host == route.host
        ]


def _of_console(page: Page, route: Route, prefix: str) -> HttpResponse | None:
    """The console's page or file if the app has a console; the client in any case. `prefix`: the path of the route."""
    if page.name == console.CLIENT:
        return console.file(console.CLIENT)
    if not route.app.options.console:
        return None
    return console.file(page.file) if page.file else console.page("app", prefix)


def document(name: str, route: Route, mounted_at: str = "", custom_routes: Iterable[Route] = ()) -> HttpResponse:
    """A route's `openapi` document, or the `docs` page made from it."""
    description = openapi.openapi(route, mounted_at, custom_routes)
    if name == "openapi":
        return HttpResponse(200, msgspec.json.encode(description))
    rows, custom_rows = "", ""
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if "servers" in operation:  # a custom endpoint, which has a path of its own
                custom_rows += _operation(mounted_at + path, method, operation)
            else:
                rows += _operation(path, method, operation)
    custom_table = f"<h2>Endpoints with a path of their own</h2><table>{custom_rows}</table>" if custom_rows else ""
    kinds = "".join(_kind(kind, description["components"]["schemas"][kind]) for kind in route.app.backends)
    prefix = mounted_at + route.prefix.rstrip("/")
    link = escape(f"{prefix}/openapi.json")
    return _html(
        description["info"]["title"],
        f"<h1>{escape(description['info']['title'])}</h1><p>The machine-readable form is <a href='{link}'>openapi.json</a>.</p>"
        f"<h2>Requests, below <code>{escape(prefix or '/')}</code></h2><table>{rows}</table>{custom_table}<h2>Kinds</h2>{kinds}",
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    return f"<tr><td><code>{method.upper()} {escape(path)}</code></td><td>{escape(operation['summary'])}</td></tr>"


def _kind(kind: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in schema['required'] else ' (optional)'}</td>"
        f"<td>{escape(_description(field))}</td></tr>"
        for name, field in schema["properties"].items()
        if name != "kind"
    )
    return f"<h3><code>{escape(kind)}</code></h3><p>{escape(schema.get('description', ''))}</p><table>{rows}</table>"


def _description(field: dict[str, Any]) -> str:
    if "description" in field:
        return str(field["description"])
    return next((str(choice["description"]) for choice in field.get("anyOf", []) if "description" in choice), "")


def _html(title: str, body: str) -> HttpResponse:
    head = (
        "<head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
    )
    return HttpResponse(
        200, f"<!doctype html><html lang='en'>{head}<body><main>{body}</main></body></html>\n".encode(), HTML
    )
