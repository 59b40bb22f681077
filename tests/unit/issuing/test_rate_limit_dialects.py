"""Every dialect tells a limited client so in its own shape: 429, and a Retry-After in seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.built_in_dialects import DIALECTS
from tests.unit.dialects.notation import signed
from tests.unit.dialects.transcripts import Exchange, all_exchanges, configuration_named
from tests.unit.http.running import WORLD, serving
from tests.unit.http.wire import Reply
from tokend.core.interfaces import Interfaces
from tokend.core.rate_limits import BucketGroup, Excess, Limit, Limits
from tokend.issuing.app_options import AppOptions
from tokend.issuing.configuration import Configuration

SENTENCE: Final = "this is over the rate limit of the app: send it again in 3 s"
OURS: Final[Mapping[str, Any]] = {
    "error": SENTENCE,
    "message": SENTENCE,
    "status": 429,
    "code": "rate_limited",
    "request_id": "request-1",
}
PROBLEM: Final[Mapping[str, Any]] = {
    "type": "about:blank",
    "title": "Rate limited",
    "status": 429,
    "code": "rate_limited",
    "detail": SENTENCE,
    "retry_after": 3,
    "request_id": "request-1",
}
OF_ORIGINALS: Final[Mapping[str, Mapping[str, Any]]] = {
    "agora-docker": {"code": -2, "message": SENTENCE, "data": "", "reason": "rate_limited", "request_id": "request-1"},
    "agora-docs-sample": {
        "code": "429",
        "message": SENTENCE,
        "error": SENTENCE,
        "reason": "rate_limited",
        "request_id": "request-1",
    },
    "matrix-voip": {
        "errcode": "M_LIMIT_EXCEEDED",
        "error": SENTENCE,
        "retry_after_ms": 2300,
        "code": "rate_limited",
        "request_id": "request-1",
    },
}
"""Shapes that come from the original server."""
UNCOUNTED: Final = ("/openapi.json", "/docs", "/docs/plain", "/ping", "/healthz", "/readyz", "/")
GOOD: Final = [
    one
    for one in all_exchanges()
    if one.status == 200 and one.method in ("GET", "POST") and not f"/{one.target.strip('/')}".endswith(UNCOUNTED)
]


class Full:
    """Nothing is admitted before 2.3 seconds have passed."""

    async def take(self, groups: Sequence[BucketGroup]) -> list[Excess | None]:
        return [Excess(group[0], 2.3) for group in groups]


def with_limits(configuration: Configuration) -> Configuration:
    """The same, its apps limited."""
    options = AppOptions(limits=Limits(app=Limit(1, 1, 1)))
    apps = {name: replace(app, options=options) for name, app in configuration.apps.items()}
    return replace(
        configuration, apps=apps, routes=tuple(replace(one, app=apps[one.app.name]) for one in configuration.routes)
    )


async def limited_reply(one: Exchange) -> Reply:
    async with serving(
        with_limits(configuration_named(one.configuration)), WORLD, Interfaces(limiter=Full())
    ) as server:
        body = signed(one.body).encode() if one.body or one.method == "POST" else None
        return await server.token_request(one.method, one.target, body, *one.headers)


@pytest.mark.parametrize("one", GOOD, ids=[one.place for one in GOOD])
async def test_limited(one: Exchange) -> None:
    reply = await limited_reply(one)
    if one.target.endswith("/v1/tokens"):
        assert reply.status == 200
        assert all(one["error"]["retry_after"] == 3 for one in reply.json["results"])
        return
    assert (reply.status, reply.headers["retry-after"]) == (429, "3")
    if reply.headers["content-type"].startswith("text/plain"):
        assert reply.body.decode() == f"rate_limited: {SENTENCE}"
    else:
        ours = PROBLEM if "problem" in reply.headers["content-type"] else OURS
        assert reply.json == OF_ORIGINALS.get(one.dialect, ours)


def test_every_dialect_is_among_them() -> None:
    assert {one.dialect for one in GOOD} >= DIALECTS.keys()
