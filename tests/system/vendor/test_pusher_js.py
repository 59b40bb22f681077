"""npm pusher-js against the running server: its own requests for authorizations, held against Pusher's library.

A stand-in for Pusher's WebSocket server gives the socket id, and keeps what the client sends it.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import WSMsgType, web
from pusher.crypto import encrypt, parse_master_key  # type: ignore[import-untyped]

from tests.needs import skip_or_fail
from tests.running import ROOT, serving
from tests.system.vendor.proof_pusher import KEY, MASTER_KEY, SECRET, differences, library
from tokend.auth.key_digests import digest_of

API_KEY: Final = "tk_studio_0123456789abcdef"
SOCKET_ID: Final = "1234.5678"
_NODE: Final = ROOT / "tests/node"
YAML: Final = f"""
apps:
  demo:
    backends:
      pusher:
        keys: [{{key: {KEY}, secret: {{env: PUSHER_SECRET}}}}]
        encryption_master_key: {{env: PUSHER_MASTER_KEY}}
    callers:
      studio:
        api_key: "{digest_of(API_KEY)}"
        rules: [{{channel: "*-room-*", user: ann, fields: {{name: "Ann Example"}}}}]
    routes: [{{path: /demo, dialect: [native, pusher]}}]
"""
CHANNELS: Final = ("private-room-1", "presence-room-1", "private-encrypted-room-1", "private-other")


@pytest.fixture
def node() -> str:
    """The command of node. Without it or pusher-js the test is skipped, saying why; where CI=true it fails."""
    found = shutil.which("node")
    if found is None:
        skip_or_fail("no pusher-js: node is not on the PATH")
    elif not (_NODE / "node_modules/pusher-js").is_dir():
        skip_or_fail("no pusher-js: make test installs it in tests/node")
    return str(found)


def test_random_authorizations_are_those_of_the_library() -> None:
    assert differences(2_000, 1) == []


class WebSocketServer:
    """Answers as Pusher does, without a look at the signatures. `received`: what clients sent, in order."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self._send(socket, "pusher:connection_established", {"socket_id": SOCKET_ID, "activity_timeout": 120})
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            sent = json.loads(message.data)
            self.received.append(sent)
            if sent["event"] == "pusher:signin":
                await self._send(socket, "pusher:signin_success", {"user_data": sent["data"]["user_data"]})
            elif sent["event"] == "pusher:subscribe":
                await self._welcome(socket, sent["data"])
        return socket

    async def _welcome(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        channel, told = data["channel"], {}
        if channel.startswith("presence-"):
            member = json.loads(data["channel_data"])
            ids = [member["user_id"]]
            told = {"presence": {"count": 1, "ids": ids, "hash": {member["user_id"]: member.get("user_info")}}}
        await self._send(socket, "pusher_internal:subscription_succeeded", told, channel)
        if channel.startswith("private-encrypted-"):
            secret_news = encrypt(
                channel, json.dumps({"text": "for subscribers only"}), parse_master_key(None, MASTER_KEY)
            )
            await self._send(socket, "news", secret_news, channel)

    async def _send(self, socket: web.WebSocketResponse, event: str, data: object, channel: str | None = None) -> None:
        whole = {"event": event, "data": json.dumps(data)} | ({} if channel is None else {"channel": channel})
        await socket.send_str(json.dumps(whole))


@asynccontextmanager
async def web_socket_server() -> AsyncIterator[WebSocketServer]:
    """The server, on a free port of this machine."""
    server = WebSocketServer()
    app = web.Application()
    app.router.add_get(f"/app/{KEY}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


async def test_pusher_js_gets_what_the_library_would_give(node: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(YAML)
    secrets = {"PUSHER_SECRET": SECRET, "PUSHER_MASTER_KEY": MASTER_KEY}
    async with web_socket_server() as vendor:
        with serving(tmp_path, secrets, lines=1) as running:
            url = f"{running.url.rstrip('/')}/demo"
            process = await asyncio.create_subprocess_exec(
                *(node, "pusher_client.js", str(vendor.port), url, KEY, API_KEY, *CHANNELS),
                cwd=_NODE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            printed, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    said = [json.loads(line) for line in printed.decode().splitlines()]
    assert ["refused", "private-other", 403] in said
    assert ["subscribed", "presence-room-1", {"id": "ann", "info": {"name": "Ann Example"}}] in said
    assert ["decrypted", "private-encrypted-room-1", {"text": "for subscribers only"}] in said

    subscribed = {
        sent["data"]["channel"]: sent["data"] for sent in vendor.received if sent["event"] == "pusher:subscribe"
    }
    assert subscribed.keys() - {"#server-to-user-ann"} == set(CHANNELS[:3])  # it subscribes to that one when signed in
    theirs = library()
    shown = {"name": "Ann Example"}
    for channel, custom_data in (
        ("private-room-1", None),
        ("presence-room-1", {"user_id": "ann", "user_info": shown}),
        ("private-encrypted-room-1", None),
    ):
        expected = theirs.authenticate(channel, SOCKET_ID, custom_data)
        assert subscribed[channel]["auth"] == expected["auth"]
        assert subscribed[channel].get("channel_data") == expected.get("channel_data")
    (signed_in,) = [sent["data"] for sent in vendor.received if sent["event"] == "pusher:signin"]
    assert signed_in == theirs.authenticate_user(SOCKET_ID, {"id": "ann", "user_info": shown})
