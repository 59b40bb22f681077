"""Whether an answer holds real tokens: each is decoded, and is for a channel and user that were asked for."""

import json
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.load import Failed
from tokend import agora

APP_ID: Final = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE: Final = "5CFd2fd1755d40ecb72977518be15d3b"
"""Both published by the vendor for tests."""

Asked = frozenset[tuple[str, str]]
"""Channels, each with its user, that the requests of a scenario name."""


def check(body: bytes, asked: Asked, count: int) -> list[str]:
    """The tokens of an answer; `Failed` unless there are `count`, each signed by the app for one of what was asked."""
    try:
        tokens = list(_texts(json.loads(body)))
    except ValueError as error:
        raise Failed(f"an answer is not JSON: {body[:200]!r}") from error
    tokens = [one for one in tokens if one.startswith(("006", "007"))]
    if len(tokens) != count:
        raise Failed(f"an answer holds {len(tokens)} tokens, not {count}: {body[:200]!r}")
    for token in tokens:
        if not _is_real(token, asked):
            raise Failed(f"a token is not what was asked for: {token}")
    return tokens


def _is_real(token: str, asked: Asked) -> bool:
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
        one.name == "rtc" and (one.channel, one.user) in asked for one in services
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
