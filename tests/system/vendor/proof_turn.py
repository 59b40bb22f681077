"""Random TURN credentials, held against an HMAC that is written from its specification.

Username and password: draft-uberti-behave-turn-rest-00, section 2.2, and coturn 4.6.1, README.turnserver, "TURN REST API".
HMAC-SHA1: RFC 2104, section 2, over hashlib's SHA-1. proof_turn_coturn.py does the same with a real server.
"""

import base64
import hashlib
import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from tokend.backends.turn import Turn, TurnFields, TurnOptions
from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 1_000_000
_LETTERS: Final = "abcXYZ019!#$%&()*+,-./:;<=>?@[]^_`{|}~äßéあ例😀"
_SEPARATORS: Final = ":::/-|=+"
_HOSTS: Final = ("turn.example.com", "192.0.2.7:3478", "[2001:db8::1]:443", "a-b.example")
_QUERIES: Final = ("", "?transport=udp", "?transport=tcp")


def differences(count: int, seed: int) -> list[str]:
    """Mint `count` random credentials and return how they differ from what was requested."""
    pick = random.Random(seed)
    found: list[str] = []
    backend = _backend(pick)
    for number in range(count):
        if number % 50 == 0:
            backend = _backend(pick)
        asked = random_request(pick)
        minted = backend.mint(
            backend.grant(TurnFields(user=asked.user), asked.ttl), Issuance(asked.issued_at, pick.getrandbits(128))
        )
        expected = _expected(backend, asked)
        read = {"token": minted.token, **minted.extra}
        found += [f"{asked}: {name} is {read.get(name)!r}" for name, value in expected.items() if read[name] != value]
        if backend.read(minted.token).signed_by != "secret[0]":
            found.append(f"{asked}: it is not read back")
    return found


class Asked(NamedTuple):
    """A random request. `ttl`: in seconds. `issued_at`: in Unix seconds."""

    user: str
    ttl: int
    issued_at: int


def random_request(pick: random.Random, issued_at: int | None = None) -> Asked:
    """`issued_at`: in Unix seconds; None: any."""
    user = "".join(pick.choices(_LETTERS, k=pick.choice((1, 2, 5, 9, 20, 60, 120))))
    now = pick.randrange(1, 1 << 34) if issued_at is None else issued_at
    return Asked(user if user != "*" else "ann", pick.randint(60, 86_400), now)


def _backend(pick: random.Random) -> Turn:
    secrets = [Secret(f"{pick.getrandbits(pick.choice((32, 160, 512, 1024))):x}ü{number}") for number in range(2)]
    uris = [f"{scheme}:{host}{query}" for scheme in ("turn", "turns") for host in _HOSTS for query in _QUERIES]
    options = {
        "secret": secrets,
        "uris": [*pick.sample(uris, pick.randint(1, 6)), *pick.sample(["stun:stun.example.com"], pick.randint(0, 1))],
        "separator": pick.choice(_SEPARATORS),
    }
    return Turn(TurnOptions.model_validate(options), AppCredentials(None, {}))


def _expected(backend: Turn, asked: Asked) -> Mapping[str, Any]:
    username = f"{asked.issued_at + asked.ttl}{backend.options.separator}{asked.user}"
    password = base64.b64encode(hmac_sha1(backend.options.secret.first.reveal(), username)).decode()
    return {
        "token": f"{username}:{password}",
        "username": username,
        "password": password,
        "uris": backend.options.uris,
    }


def hmac_sha1(secret: str, text: str) -> bytes:
    """RFC 2104: H(K xor opad, H(K xor ipad, text)), with blocks of 64 bytes."""
    inner, outer = _padded(secret)
    return hashlib.sha1(outer + hashlib.sha1(inner + text.encode()).digest()).digest()


@lru_cache(maxsize=8)
def _padded(secret: str) -> tuple[bytes, bytes]:
    key = secret.encode()
    block = (hashlib.sha1(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
