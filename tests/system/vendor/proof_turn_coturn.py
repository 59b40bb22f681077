"""Random TURN credentials at a real coturn: good ones relay; expired and changed ones, and those of another secret, do not."""

import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.system.vendor.coturn import Coturn
from tests.system.vendor.proof_turn import random_request
from tokend.backends.turn import Turn, TurnFields, TurnOptions
from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 200
_AT_ONCE: Final = 12
"""Clients, each of which waits more than it works."""
_SECRETS: Final = ("5d41402abc4b2a76b9719d91", "7d793037a0760186574b0282")
_OTHER: Final = "c4ca4238a0b923820dcc509a"
_SHORTEST: Final = 3_600
"""Seconds: more than all of it takes."""
Case = tuple[str, str, str, bool]
"""What it is, username, password, and whether it relays."""


def differences(count: int, seed: int) -> list[str]:
    """Give `count` random credentials, and a broken one beside each, to one coturn. Return what it does wrong."""
    cases = list(_cases(count, random.Random(seed)))
    with (
        tempfile.TemporaryDirectory() as directory,
        Coturn(Path(directory), *_SECRETS) as coturn,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        found = pool.map(lambda case: coturn.relays(case[1], case[2]), cases)
        return [f"{case}: relays is {relays}" for case, relays in zip(cases, found, strict=True) if relays != case[3]]


def _cases(count: int, pick: random.Random) -> Iterator[Case]:
    now = int(time.time())
    for _ in range(count):
        first = pick.choice(_SECRETS)  # coturn takes both: so it rotates
        asked = random_request(pick, now)
        asked = asked._replace(ttl=max(asked.ttl, _SHORTEST))
        username, password = _credentials(first, asked.user, asked.ttl, now)
        yield "good", username, password, True
        others = (
            ("expired", *_credentials(first, asked.user, asked.ttl, now - asked.ttl - 1)),
            ("of another secret", *_credentials(_OTHER, asked.user, asked.ttl, now)),
            ("for another user", f"{username}x", password),
            ("for a longer time", f"9{username}", password),
            ("of another password", username, f"{password[:-2]}{'A' if password[-2] != 'A' else 'Q'}="),
        )
        yield *pick.choice(others), False


def _credentials(secret: str, user: str, ttl: int, issued_at: int) -> tuple[str, str]:
    options = TurnOptions.model_validate({"secret": [Secret(secret)], "uris": ["turn:127.0.0.1"]})
    backend = Turn(options, AppCredentials(None, {}))
    extra = backend.mint(backend.grant(TurnFields(user=user), ttl), Issuance(issued_at, 0)).extra
    return str(extra["username"]), str(extra["password"])
