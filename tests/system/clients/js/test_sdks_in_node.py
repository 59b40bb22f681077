"""The adapters of the JavaScript client with livekit-client, pusher-js and ably, against the running server."""

import json
from pathlib import Path
from typing import Any, Final

import jwt

from tests.oracle import HERE as NODE
from tests.running import serving
from tests.system.clients.js.node import need_node, run
from tests.system.plugins import test_ably
from tests.system.vendor import test_pusher_js
from tests.system.vendor.proof_pusher import KEY, MASTER_KEY, SECRET

LIVEKIT_SECRET: Final = "Zk7qWv0rTy3uXo5pLs8dFg1hJc2bNm4e"
LIVEKIT: Final = """
apps:
  demo:
    backends:
      livekit: {api_key: APIabcdefghijklm, secret: {env: LIVEKIT_SECRET}, url: "wss://media.example.com"}
    callers: {anybody: {anonymous: true, rules: [{channel: "room-*", user: "*"}]}}
"""


async def _result(adapter: str, url: str, port: int, *arguments: str) -> Any:
    return json.loads(await run("sdks.mjs", adapter, url, str(port), *arguments))


async def test_livekit_client_takes_our_source(tmp_path: Path) -> None:
    need_node(NODE, "livekit-client")
    (tmp_path / "config.yaml").write_text(LIVEKIT)
    with serving(tmp_path, {"LIVEKIT_SECRET": LIVEKIT_SECRET}, lines=1) as server:
        result = await _result("livekit", f"{server.url}/demo", 0)
    first, second, other = result["details"]
    assert first == second
    assert (first["serverUrl"], other["serverUrl"]) == ("wss://media.example.com", "wss://other.example.com")
    claims = jwt.decode(first["participantToken"], LIVEKIT_SECRET, ["HS256"])
    assert (claims["sub"], claims["video"]["room"]) == ("ann", "room-1")
    assert result["payload"] == claims
    assert result["requests"] == 1


async def test_pusher_js_takes_our_handler(tmp_path: Path) -> None:
    need_node(NODE, "pusher-js")
    # a watchlist is sent to sign in alone: beside a presence channel it is an error
    (tmp_path / "config.yaml").write_text(
        test_pusher_js.YAML.replace("user: ann,", "user: ann, capabilities: [watchlist],")
    )
    secrets = {"PUSHER_SECRET": SECRET, "PUSHER_MASTER_KEY": MASTER_KEY}
    channels = test_pusher_js.CHANNELS
    async with test_pusher_js.web_socket_server() as vendor:
        with serving(tmp_path, secrets, lines=1) as server:
            arguments = (KEY, test_pusher_js.API_KEY, *channels)
            result = await _result("pusher", f"{server.url}/demo", vendor.port, *arguments)
    ann = {"id": "ann", "info": {"name": "Ann Example"}}
    assert ["subscribed", "private-room-1", None] in result["happened"]
    assert ["subscribed", "presence-room-1", ann] in result["happened"]
    assert ["subscribed", "private-encrypted-room-1", None] in result["happened"]
    assert ["signed in", "ann"] in result["happened"]
    (error,) = (event for event in result["happened"] if event[0] == "error")
    assert error[1:3] == ["private-other", "AuthError"]
    assert error[3].startswith("not_permitted: ")
    assert result["requests"] == len(channels) + 1


async def test_ably_takes_our_callback(tmp_path: Path) -> None:
    need_node(NODE, "ably")
    (tmp_path / "config.yaml").write_text(test_ably.APP)
    fields = {"user": "guest-7", "capability": {"chat:lobby": ["publish"]}}
    not_permitted = {**fields, "user": "ann"}
    arguments = [json.dumps(asked) for asked in (fields, {**fields, "format": "jwt"}, not_permitted)]
    tokens: list[str] = []
    with serving(tmp_path, test_ably.SECRETS, "--config", "config.yaml", lines=1) as server:
        async with test_ably.stand_in(tokens) as port:
            result = await _result("ably", server.url, port, *arguments)
    by_request, by_jwt, rejected = result["published"]
    assert by_request["token"] == by_request["again"] == "xVLyHw.I2jW-w.fromAbly"
    assert tokens == [by_request["token"], by_jwt["token"]]
    for token in by_jwt.values():
        assert jwt.decode(token, test_ably.SECRET, ["HS256"])["x-ably-clientId"] == "guest-7"
    assert rejected["statusCode"] == 403
    assert "not_permitted" in rejected["message"]
    assert result["requests"] == 5
