"""The forms that pusher-js and Ably's client send get a token from a custom route, over a socket."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest
from aiohttp import FormData

from tests.assembling import assemble
from tests.unit.dialects.small_kind import Connection
from tests.unit.http.running import NOW, Running, Serving
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.dialects.contract import BODY_LIMIT, FORM

_YAML: Final = """
apps:
  demo:
    backends: [connection]
    callers: {anybody: {anonymous: true, rules: [{channel: "private-*"}]}}
    routes:
      - {path: /pusher/auth, kind: connection, fields: {socket_id: socket, channel_name: room}, response: {auth: "{token}"}}
      - {path: /ably, kind: connection, fields: {clientId: socket}, ignore: [timestamp, rnd], status: 201, response: "{token}"}
"""


@pytest.fixture
async def server(serving: Serving) -> AsyncIterator[Running]:
    configuration = assemble(
        parse(_YAML, "config.yaml"), "config.yaml", Secrets({}, Path()), {"connection": Connection}
    )
    async with serving(configuration) as running:
        yield running


async def test_the_form_of_pusher_js_gets_its_token(server: Running) -> None:
    """pusher-js sends `socket_id=…&channel_name=…` and reads `auth` of an answer with status 200."""
    form = FormData({"socket_id": "1234.5678", "channel_name": "private-lobby"})
    async with server.client.post("/pusher/auth", data=form) as response:
        assert response.request_info.headers["Content-Type"] == FORM
        assert response.status == 200
        answer = await response.json()
    assert list(answer) == ["auth"]
    assert answer["auth"].startswith(f"1234.5678|private-lobby|{NOW}|3600|")


async def test_the_form_of_ably_gets_its_token_as_text(server: Running) -> None:
    """Ably's `authMethod: "POST"` sends `authParams` as a form; a text answer is the token."""
    form = {"clientId": "ann", "room": "private-lobby", "timestamp": "1800000000000", "rnd": "4711"}
    async with server.client.post("/ably", data=form) as response:
        assert (response.status, response.content_type) == (201, "text/plain")
        assert (await response.text()).startswith("ann|private-lobby|")


async def test_rules_and_limits_hold_for_forms(server: Running) -> None:
    async def status(text: str | bytes, *headers: tuple[str, str], media: str = FORM) -> int:
        body = text.encode() if isinstance(text, str) else text
        reply = await server.token_request("POST", "/pusher/auth", body, ("Content-Type", media), *headers)
        return reply.status

    good = urlencode({"socket_id": "1.2", "channel_name": "private-lobby"})
    assert await status(good) == 200
    assert await status(good, media=f"{FORM.upper()}; charset=utf-8") == 200
    assert await status(good.replace("private-", "public-")) == 403
    assert await status(f"{good}&socket_id=1.2") == 400
    assert await status(f"{good}&room=private-lobby") == 400
    assert await status(f"{good}&{'&'.join(f'x{number}=' for number in range(60))}") == 400
    assert await status(good.encode() + b"\xff") == 400
    assert await status(good + "&a=" + "x" * BODY_LIMIT) == 413
    assert await status(good, media="text/plain") == 415
    assert await status(good, media="multipart/form-data; boundary=x") == 415
    assert await status(good, ("Content-Encoding", "gzip")) == 415
    assert await status("") == 400
    assert await status(good, media="application/json") == 400
