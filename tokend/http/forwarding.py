"""Forwards what a console requests to the public API, so that a page of another origin can use it without CORS.

The caller's own credential goes with it, and nothing of ours does.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout, hdrs, web
from aiohttp.typedefs import Handler

from tokend.adapters.http_client import client, network_reason, read_body
from tokend.core import strict_json
from tokend.http.bodies import read_all
from tokend.http.request_parsing import BODY_ERRORS, BROKEN_BODY
from tokend.http.responses import json_error
from tokend.issuing.routing import URL_KEY_MARK

PATHS: Final = ("v1/token", "v1/tokens", "v1/explain", "v1/inspect", "openapi.json")
"""What may be requested, below an app's path."""
CALLER: Final = "X-Caller-Authorization"
"""The header that becomes `Authorization`: that one may hold the admin key."""
CALLER_URL_KEY: Final = "X-Caller-URL-Key"
"""The header with a key that becomes part of the path."""
MAX_BODY: Final = 64 * 1024
"""Bytes of a request."""
_MAX_ANSWER: Final = 4 * 1024 * 1024
_SECONDS: Final = 20.0


@web.middleware
async def body_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """413 for a body over `MAX_BODY`, and 400 for one that is broken, in the form of the console's other errors."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return json_error(413, f"the body is over {MAX_BODY} bytes")
    except BODY_ERRORS:
        if request.content.is_eof():  # it is about something else
            raise
        return json_error(400, BROKEN_BODY)


class Forwarder:
    """Sends requests to a server. Made in a running loop; `close` ends its connections."""

    def __init__(self, base: str) -> None:
        """`base`: the URL of the server, without a path at its end."""
        self._base = base
        self._session: ClientSession = client(connections=10)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def problem(self) -> str | None:
        """Why the server has no app at the base URL whose tokens can be requested here, or None."""
        url = f"{self._base}/openapi.json"
        timeout = ClientTimeout(total=_SECONDS)
        try:
            async with self._session.get(url, allow_redirects=False, timeout=timeout) as response:
                found = strict_json.loads(await read_body(response, _MAX_ANSWER))
                if not isinstance(found, dict) or "openapi" not in found:
                    raise ValueError("it has no key `openapi`")
        except ValueError as error:
            return f"there is no app with the dialect native at {self._base}: {url} is no OpenAPI document ({error})"
        except (ClientError, TimeoutError, OSError) as error:
            return f"the token server at {self._base} does not answer: {network_reason(error)}"
        return None

    async def forward(self, request: web.Request, prefix: str, path: str, host: str | None = None) -> web.Response:
        """The server's response to this request at `prefix`/`path`, with the status and body that it has.

        `host`: the Host header, for a route of another host; None: that of the base URL.
        """
        if path not in PATHS:
            return json_error(404, f"only {', '.join(PATHS)} can be requested here")
        method = hdrs.METH_GET if path == "openapi.json" else hdrs.METH_POST
        if request.method != method:
            return json_error(405, f"use {method}")
        body = await request.read()
        key = request.headers.get(CALLER_URL_KEY)
        in_path = "" if key is None else f"/{URL_KEY_MARK}/{quote(key, safe='', errors='surrogateescape')}"
        url = f"{self._base}{prefix.rstrip('/')}{in_path}/{path}"
        try:
            async with self._session.request(
                method,
                url,
                data=body or None,
                headers=_headers(request, host),
                allow_redirects=False,
                timeout=ClientTimeout(total=_SECONDS),
            ) as response:
                answer = await read_all(response.content, _MAX_ANSWER)
        except (ClientError, TimeoutError, OSError) as error:
            return json_error(502, f"the token server does not answer: {network_reason(error)}")
        if len(answer) > _MAX_ANSWER:
            return json_error(502, "the answer of the token server is too long")
        headers = {name: response.headers[name] for name in _BACK if name in response.headers}
        return web.Response(body=answer, status=response.status, headers=headers)


_BACK: Final = (hdrs.CONTENT_TYPE, hdrs.RETRY_AFTER, hdrs.DATE)


def _headers(request: web.Request, host: str | None) -> Mapping[str, str]:
    found: dict[str, str] = {} if host is None else {hdrs.HOST: host}
    for name, sent in (
        (CALLER, hdrs.AUTHORIZATION),
        ("X-API-Key", "X-API-Key"),
        (hdrs.CONTENT_TYPE, hdrs.CONTENT_TYPE),
    ):
        if name in request.headers:
            found[sent] = request.headers[name]
    return found
