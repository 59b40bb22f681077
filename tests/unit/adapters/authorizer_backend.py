"""An app's own backend on loopback, whose answers a test sets; and a server of ours that asks it.

Also used where the backend says something that is no HTTP at all: `asking` takes any URL.
"""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from tests.unit.http.running import APP_ID, CERTIFICATE, KEY, NOW, WORLD, Running, serving
from tokend.adapters.http_client import client
from tokend.adapters.webhook import WebhookClient, over_http
from tokend.auth.key_digests import digest_of
from tokend.core.interfaces import Interfaces

SECRET = CERTIFICATE
HEADER = ("X-API-Key", KEY)
YAML = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    authorizer: {{url: "URL", secret: {{env: CERTIFICATE}} MORE}}
    callers:
      studio: {{api_key: "{digest_of(KEY)}", rules: [{{channel: "room-*"}}]}}
"""


class Backend:
    """`answer` is what it says next: JSON, or a response. `questions`: what it was asked, each with a sound signature."""

    def __init__(self) -> None:
        self.answer: Any = {"allow": True}
        self.questions: list[dict[str, Any]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        check_signature(request.headers["Webhook-Id"], dict(request.headers), body)
        self.questions.append(orjson.loads(body))
        if callable(self.answer):
            found = await self.answer(self.questions[-1])
            return found if isinstance(found, web.Response) else web.json_response(found)
        return web.json_response(self.answer)


def check_signature(message_id: str, headers: dict[str, str], body: bytes) -> None:
    """As the backend would: made by the secret, now."""
    signed = f"{message_id}.{headers['Webhook-Timestamp']}.".encode() + body
    mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert headers["Webhook-Signature"] == "v1," + base64.b64encode(mac).decode()
    assert headers["Webhook-Timestamp"] == str(NOW)


@asynccontextmanager
async def backend() -> AsyncIterator[Backend]:
    made = Backend()
    app = web.Application()
    app.router.add_post("/authorize", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/authorize"
        yield made
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(url: str, more: str = "", yaml: str = YAML) -> AsyncIterator[Running]:
    """The server, whose app has an authorizer at `url`. `more`: further keys of it, as `, cache: 5s`."""
    async with client() as session:
        webhooks = WebhookClient(over_http(session, WORLD.clock), WORLD.elapsed)
        text = yaml.replace("URL", url).replace("MORE", more)
        async with serving(text, interfaces=Interfaces(authorizer=webhooks)) as running:
            yield running
