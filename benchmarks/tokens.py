"""Whether an answer holds real tokens: each is decoded, and is for a channel and user that were asked for."""

import json
from collections.abc import Iterator
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from benchmarks.load import Failed
from tokend import agora

APP_ID: Final = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE: Final = "5CFd2fd1755d40ecb72977518be15d3b"
"""Both published by the vendor for tests."""
LIVEKIT_KEY: Final = "APIbenchmark1"
LIVEKIT_SECRET: Final = "benchmark-secret-0123456789abcdef"
_LIVEKIT_SECRET: Final = OctKey.import_key(LIVEKIT_SECRET)

Asked = frozenset[tuple[str, str]]
"""Channels, each with its user, that the requests of a scenario name."""


def check(body: bytes, asked: Asked, count: int) -> list[str]:
    """The tokens of an answer; `Failed` unless there are `count`, each signed by the app for one of what was asked."""
    try:
        tokens = list(_texts(json.loads(body)))
    except ValueError as error:
        raise Failed(f"an answer is not JSON: {body[:200]!r}") from error
    tokens = [text for text in tokens if text.startswith(("006", "007", "eyJ"))]
    if len(tokens) != count:
        raise Failed(f"an answer holds {len(tokens)} tokens, not {count}: {body[:200]!r}")
    for token in tokens:
        if not _is_real(token, asked):
            raise Failed(f"a token is not what was asked for: {token}")
    return tokens


def _is_real(token: str, asked: Asked) -> bool:
    if token.startswith("eyJ"):
        return _is_livekit(token, asked)
    if token.startswith("006"):  # shows checksums of channel and user only
        return any(
            agora.verify(token, app_id=APP_ID, certificate=CERTIFICATE, channel=channel, user=user)
            for channel, user in asked
        )
    try:
        services = agora.read(token).grant.services
    except agora.TokenError:
        return False
    return agora.verify(token, app_id=APP_ID, certificate=CERTIFICATE) and any(
        service.name == "rtc" and (service.channel, service.user) in asked for service in services
    )


def _is_livekit(token: str, asked: Asked) -> bool:
    try:
        claims = jwt.decode(token, _LIVEKIT_SECRET, algorithms=["HS256"]).claims
    except (JoseError, ValueError):
        return False
    return claims["iss"] == LIVEKIT_KEY and (claims["video"]["room"], claims["sub"]) in asked


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
