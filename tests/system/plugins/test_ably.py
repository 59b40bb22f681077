"""The kind and the dialect `ably` in a running application: their page, mistakes, and Ably's own clients."""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import jwt
import pytest
from ably.types.tokenrequest import TokenRequest  # type: ignore[import-untyped]
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests import oracle
from tests.needs import skip_or_fail
from tests.system.plugins.vendor_apps import (
    Mistake,
    check_configurations,
    check_example,
    check_mistake,
    check_wrong_option,
    configuration,
    inspected,
    issued,
    page,
    server_of,
    short,
)
from tests.unit.http.reference import send_every_example
from tests.unit.http.running import Serving

PAGE: Final = page("ably")
SECRET: Final = "q8Zr0vT3nY6kLw1pq8Zr0vT3nY6kLw1p"
SECRETS: Final = {"ABLY_SECRET": SECRET, "ABLY_OLD_SECRET": "u5Hd7gXs2mB4cJe9u5Hd7gXs2mB4cJe9"}
APP: Final = """
apps:
  demo:
    backends: {ably: {keys: [{name: xVLyHw.I2jW-w, secret: {env: ABLY_SECRET}}]}}
    callers:
      web:
        anonymous: true
        rules: [{channel: "chat:*", user: "guest-*", roles: [subscriber, publisher]}, {user: "host-*"}]
    routes:
      - {path: /, dialect: [native, ably]}
      - {path: /jwt, dialect: {ably: {format: jwt, capability: {"chat:lobby": [subscribe, publish]}}}}
"""
_MISSING: Final = (
    None
    if shutil.which("node") and (oracle.HERE / "node_modules/ably").is_dir()
    else "no npm ably: make test installs it"
)
GUEST: Final[dict[str, object]] = {"kind": "ably", "capability": {"chat:lobby": ["subscribe"]}, "user": "guest-7"}


def capability(channel: str, *operations: str) -> dict[str, object]:
    """A change of the channel and its operations."""
    return {"capability": {channel: [*operations]}}


MISTAKES: Final[list[Mistake]] = [
    ({"capability": None}, 400, "capability", "must be"),
    ({"capability": {}}, 400, "capability", "must name at least one channel"),
    (capability("", "subscribe"), 400, "capability", "must name channels"),
    (capability("chat*", "subscribe"), 400, "capability", "as in chat:*"),
    (capability("chat:lobby"), 400, "capability", "must list operations"),
    (capability("chat:lobby", "listen"), 400, "capability", "must list operations of Ably: subscribe"),
    (capability("chat:lobby", "*", "publish"), 400, "capability", "or * alone"),
    ({"user": ""}, 400, "user", "must be *, or 1 to"),
    ({"user": "guest-*"}, 400, "user", "other than *"),
    ({"format": "ably"}, 400, "format", "must be"),
    ({"revocation_key": "staff"}, 400, "revocation_key", "needs format: jwt"),
    ({"channel_claims": {"chat:lobby": "host"}}, 400, "channel_claims", "needs format: jwt"),
    ({"admin": True}, 400, "admin", "is not a field of"),
    ({"ttl": 86_401}, 400, "ttl", "must be 60 to 86400 seconds"),
    (capability("other", "subscribe"), 403, None, "no rule of this caller permits this"),
    (capability("chat:lobby", "presence"), 403, None, "no rule of this caller permits this"),
    (capability("chat:*", "subscribe"), 403, None, "wildcard_channel"),
    (capability("chat:lobby", "message-delete-any"), 403, None, "moderate"),
    (capability("chat:lobby", "push-admin"), 403, None, "app_admin"),
    (capability("chat:lobby", "*"), 403, None, "no rule of this caller permits this"),
    ({**capability("[meta]log", "subscribe"), "user": "host-1"}, 403, None, "qualified_resource"),
    ({"user": "*"}, 403, None, "no rule of this caller permits this"),
    ({"user": None}, 403, None, "no rule of this caller permits this"),
    ({"format": "jwt", "revocation_key": "staff"}, 403, None, "revocation_key"),
    ({"format": "jwt", "channel_claims": {"chat:lobby": "host"}}, 403, None, "channel_claims"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=short)
async def test_a_mistake_is_named_and_nothing_is_minted(serving: Serving, mistake: Mistake) -> None:
    await check_mistake(serving, configuration(APP, SECRETS), GUEST, mistake, piece=b"mac")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("clientId=guest-7", 400, "capability"),
        ("clientId=guest-7&capability={", 400, "capability must be a JSON object"),
        ("clientId=guest-7&capability=[]", 400, "capability"),
        ("clientId=guest-7&clientId=guest-8&capability={}", 400, "clientId must stand once"),
        ('clientId=&capability={"chat:lobby":["subscribe"]}', 400, "clientId must be *, or"),
        ('clientId=guest-7&ttl=60500&capability={"chat:lobby":["subscribe"]}', 400, "ttl must be milliseconds"),
        ('clientId=guest-7&ttl=-1&capability={"chat:lobby":["subscribe"]}', 400, "ttl must be milliseconds"),
        ('clientId=guest-7&ttl=1000&capability={"chat:lobby":["subscribe"]}', 400, "ttl must be 60"),
        ('clientId=ann&capability={"chat:lobby":["subscribe"]}', 403, "no rule of this caller permits this"),
    ],
)
async def test_a_mistake_of_a_client_has_the_shape_of_ably(
    serving: Serving, query: str, status: int, words: str
) -> None:
    pairs = [pair.split("=", 1) for pair in query.split("&")]
    form = ("Content-Type", "application/x-www-form-urlencoded")
    text = urlencode([(name, value) for name, value in pairs])
    async with serving(configuration(APP, SECRETS)) as server:
        for reply in (
            await server.token_request("GET", f"/auth?{text}"),
            await server.token_request("POST", "/auth", text.encode(), form),
        ):
            error = reply.json["error"]
            assert (reply.status, error["statusCode"], error["code"]) == (status, status, 40170), reply.body
            assert words in error["message"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: xVLyHw.I2jW-w", 'name: "xVLyHw.I2jW-w:q8Zr0vT3"', "name"),
        ("keys: [{name: xVLyHw.I2jW-w, secret: {env: ABLY_SECRET}}]", "keys: []", "keys"),
        ("format: jwt, ", "format: jwts, ", "format"),
    ],
)
def test_a_wrong_option_is_named(old: str, new: str, words: str) -> None:
    check_wrong_option(APP, SECRETS, old, new, words)


async def test_every_example_of_the_api_reference_gets_the_documented_answer(serving: Serving) -> None:
    text = APP.replace(
        '[{channel: "chat:*", user: "guest-*", roles: [subscriber, publisher]}, {user: "host-*"}]', "[{}]"
    )
    async with serving(configuration(text, SECRETS)) as server:
        await send_every_example(server, "/openapi.json")


def test_the_configurations_of_the_page_load() -> None:
    check_configurations(PAGE, SECRETS)


async def test_the_example_of_the_page_is_answered_so(serving: Serving) -> None:
    await check_example(serving, PAGE, SECRETS)


def test_a_server_answers_tokens_that_others_read(tmp_path: Path) -> None:
    with server_of(tmp_path, APP, SECRETS) as url:
        answer = issued(url, GUEST)
        request = TokenRequest.from_json(answer["token"])
        assert (request.client_id, request.timestamp) == ("guest-7", answer["issued_at"] * 1000)
        assert signed_by_us(request)
        answer = issued(url, {**GUEST, "format": "jwt"})
        claims = jwt.decode(answer["token"], SECRET, ["HS256"])
        assert (claims["x-ably-clientId"], claims["exp"]) == ("guest-7", answer["expires_at"])
        read = inspected(url, answer["token"])
        assert read["services"][0]["name"] == "ably"


def signed_by_us(request: TokenRequest) -> bool:
    """Whether Ably's own library signs the request in the same way."""
    mac = request.mac
    request.sign_request(SECRET)
    return bool(mac == request.mac)


@asynccontextmanager
async def stand_in(tokens: list[str]) -> AsyncIterator[int]:
    """The part of Ably's REST host that a client needs, on loopback: its port. `tokens` gets what clients publish with."""

    async def request_token(request: web.Request) -> web.Response:
        token_request = TokenRequest.from_json(await request.json())
        if request.match_info["key"] != token_request.key_name or not signed_by_us(token_request):
            return web.json_response({"error": {"code": 40101, "message": "wrong mac", "statusCode": 401}}, status=401)
        details = {"token": f"{token_request.key_name}.fromAbly", "clientId": token_request.client_id}
        times = {"issued": token_request.timestamp, "expires": token_request.timestamp + token_request.ttl}
        return web.json_response({**details, **times, "capability": token_request.capability})

    async def publish(request: web.Request) -> web.Response:
        tokens.append(base64.b64decode(request.headers["Authorization"].removeprefix("Bearer ")).decode())
        return web.json_response({"channel": "chat:lobby", "messageId": "1"}, status=201)

    app = web.Application()
    app.add_routes(
        [web.post("/keys/{key}/requestToken", request_token), web.post("/channels/{name}/messages", publish)]
    )
    async with TestServer(app) as server:
        assert server.port is not None
        yield server.port


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/auth", "/jwt/auth"])
async def test_the_client_of_ably_gets_tokens_through_auth_url(tmp_path: Path, method: str, path: str) -> None:
    skip_or_fail(_MISSING)
    tokens: list[str] = []
    with server_of(tmp_path, APP, SECRETS) as url:
        async with stand_in(tokens) as port:
            parameters = {"clientId": "guest-7", "ttl": 120_000, "capability": '{"chat:lobby":["publish"]}'}
            said = await client(f"{url}{path}", method, port, parameters)
            assert tokens == [said["token"]], said
            if path == "/auth":
                assert said == {"token": "xVLyHw.I2jW-w.fromAbly", "clientId": "guest-7"}
            else:
                claims = jwt.decode(said["token"], SECRET, ["HS256"])
                assert (claims["x-ably-clientId"], claims["exp"] - claims["iat"]) == ("guest-7", 120)
                assert claims["x-ably-capability"] == '{"chat:lobby":["publish"]}'
            refused = await client(f"{url}{path}", method, port, {**parameters, "clientId": "ann"})
            assert refused["statusCode"] == 403, refused


async def client(url: str, method: str, port: int, parameters: dict[str, object]) -> Any:
    """What Ably's client for node gets."""
    node = shutil.which("node")
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        node,
        str(oracle.HERE / "ably_auth_url.js"),
        *(url, method, str(port), json.dumps(parameters)),
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await asyncio.wait_for(process.communicate(), 30)
    return json.loads(written)
