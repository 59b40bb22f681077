"""Random tokens of Stream: PyJWT 2 reads in them what it reads in those of PyPI stream-chat 4.33.0 for the same user."""

import time
from random import Random
from typing import Any, Final

import jwt
from stream_chat import StreamChat
from tokend_stream import Stream, StreamFields, StreamOptions

from tokend.plugins import AppCredentials, Issuance, Secret, SecretList

MANY: Final = 1_000_000
API_KEY: Final = "mmhfdzb5evj2"
SECRET: Final = "q7w9xk3mzr5t8vb2nh4jg6dy1sf0peac"


def fields_of(random: Random) -> dict[str, Any]:
    """The fields of a random token request."""
    if random.random() < 0.05:
        return {"server": True}
    letters = "abcXYZ0123456789@_-"
    fields: dict[str, Any] = {"user": "".join(random.choices(letters, k=random.choice((1, 8, 36, 255))))}
    if random.random() < 0.5:
        types = ("default", "livestream", "audio_room", "development")
        cids = {f"{random.choice(types)}:{random.getrandbits(64):x}" for _ in range(random.randint(1, 5))}
        fields["calls"] = sorted(cids)
        fields |= {"role": random.choice(("host", "moderator", "call-member"))} if random.random() < 0.5 else {}
        fields |= {"user": "!anon"} if random.random() < 0.2 else {}
    return fields


def of_stream(client: StreamChat, fields: dict[str, Any], issued_at: int, expires_at: int) -> dict[str, Any]:
    """What a token of Stream's own library says. The names of the claims for calls: `create_call_token` of stream-py."""
    if "server" in fields:
        server: dict[str, Any] = jwt.decode(client.auth_token, SECRET, ["HS256"])
        return {**server, "iat": issued_at, "exp": expires_at}
    names = {"calls": "call_cids", "role": "role"}
    more = {names[field]: value for field, value in fields.items() if field in names}
    token = client.create_token(fields["user"], exp=expires_at, iat=issued_at, **more)
    claims: dict[str, Any] = jwt.decode(token, SECRET, ["HS256"])
    return claims


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that say something else than those of Stream's library. `count`: how many tokens are made."""
    random, found, client = Random(seed), [], StreamChat(API_KEY, SECRET)
    backend = Stream(StreamOptions(api_key=API_KEY, secret=SecretList([Secret(SECRET)])), AppCredentials(None, {}))
    for _ in range(count):
        fields, ttl = fields_of(random), random.randint(60, 1_000_000)
        issued_at = int(time.time()) - random.randint(0, 50)
        grant = backend.grant(StreamFields.model_validate(fields), ttl)
        token = backend.mint(grant, Issuance(issued_at, random.getrandbits(128))).token
        claims, own = jwt.decode(token, SECRET, ["HS256"]), of_stream(client, fields, issued_at - 5, issued_at + ttl)
        if claims != own or jwt.get_unverified_header(token) != jwt.get_unverified_header(client.auth_token):
            found.append(f"{fields}: {claims}, not {own}")
    return found
