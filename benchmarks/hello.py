"""The floor: a bare aiohttp application that answers with the size and the headers of a token's answer, and does nothing.

Started as a program of its own, with PORT in the environment; imports nothing of tokend.
"""

import asyncio
import os

from aiohttp import web

BODY = b'{"rtcToken":"' + b"x" * 180 + b'"}'
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "private, no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "hello",
    "X-Request-ID": "0123456789abcdef",
}


async def hello(_: web.Request) -> web.Response:
    return web.Response(body=BODY, headers=HEADERS)


def main() -> None:
    app = web.Application()
    app.router.add_get("/{tail:.*}", hello)
    port, loop = int(os.environ["PORT"]), asyncio.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, loop=loop, print=None)


if __name__ == "__main__":
    main()
