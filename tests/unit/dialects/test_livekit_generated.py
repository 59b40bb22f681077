"""Rooms and identities that the dialect `livekit` makes up: only where the route says so, and other ones for each request."""

from itertools import count
from typing import Final

import pytest

from tests.unit.http.running import NOW, Running, Serving, World
from tokend.backends.json_web_tokens import read_jwt

_YAML: Final = """
apps:
  demo:
    backends: {livekit: {api_key: APIx, secret: {env: CERTIFICATE}, url: "wss://media.example.com"}}
    callers:
      web: {anonymous: true, rules: [{channel: "room-*", user: "guest-*"}]}
    routes:
      - {path: /both, dialect: {livekit: {generate: [room, identity]}}, callers: web}
      - {path: /room, dialect: {livekit: {generate: [room]}}, callers: web}
      - {path: /none, dialect: livekit, callers: web}
"""


def _world() -> World:
    numbers = count(1)
    return World(
        clock=lambda: NOW, elapsed=lambda: 0.0, nonce=lambda: next(numbers) * ((1 << 64) + 1), request_id=lambda: "r"
    )


async def _created(server: Running, path: str, **body: object) -> tuple[str, str]:
    """The room and the identity of a token."""
    reply = await server.token_request("POST", f"{path}/createToken", body)
    assert reply.status == 201, reply.body
    claims = read_jwt(reply.json["participant_token"]).claims
    return claims["video"]["room"], claims["sub"]


async def test_each_request_gets_others(serving: Serving) -> None:
    async with serving(_YAML, _world()) as server:
        made = [await _created(server, "/both") for _ in range(3)]
    assert len({room for room, _ in made}) == len({identity for _, identity in made}) == 3
    for room, identity in made:
        assert room.removeprefix("room-") == identity.removeprefix("guest-")
        assert len(room) == len("room-") + 16


async def test_what_a_request_names_stays(serving: Serving) -> None:
    async with serving(_YAML, _world()) as server:
        assert (await _created(server, "/both", room_name="room-a"))[0] == "room-a"
        assert await _created(server, "/both", room_name="room-a", participant_identity="guest-b") == (
            "room-a",
            "guest-b",
        )
        reply = await server.token_request("POST", "/both/createToken", {"room_name": "other"})
        assert (reply.status, reply.json["code"]) == (403, "not_permitted")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/room", {}, "participant_identity"),
        ("/none", {}, "room_name"),
        ("/none", {"room_name": "room-a"}, "participant_identity"),
        ("/none", {"participant_identity": "guest-a"}, "room_name"),
    ],
)
async def test_nothing_else_is_made_up(path: str, body: dict[str, object], field: str, serving: Serving) -> None:
    async with serving(_YAML, _world()) as server:
        reply = await server.token_request("POST", f"{path}/createToken", body)
        assert (reply.status, reply.json["code"], reply.json["field"]) == (400, "invalid_field", field)
