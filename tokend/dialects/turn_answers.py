"""What the dialects for TURN credentials share: the request to the kind `turn`, and the object that most clients read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tokend.core.model import TokenRequest
from tokend.dialects.contract import HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.describing import STRING, object_of
from tokend.dialects.rendering import as_json, only_issued

KIND: Final = "turn"
EXTRAS: Final = ("username", "password", "uris")
TURN_SERVER: Final = object_of(
    {
        "username": {
            **STRING,
            "description": "When the credentials end in Unix seconds, and the user",
            "examples": ["1800003600:ann"],
        },
        "password": {**STRING, "examples": ["oNWzT7Ea…"]},
        "ttl": {"type": "integer", "description": "Seconds", "examples": [3600]},
        "uris": {"type": "array", "items": STRING, "examples": [["turn:turn.example.com:3478?transport=udp"]]},
    },
    *("username", "password", "ttl", "uris"),
    closed=False,
)
"""The schema of what `turn_server_as_json` renders."""


def turn_kind(options: object) -> Mapping[str, Sequence[str]]:
    """Return the kind of the credentials, with the extras that `turn_server` reads."""
    return {KIND: EXTRAS}


def credentials_for(user: str | None, ttl: int | None = None, user_name: str = "user") -> Issue:
    """Return the request for TURN credentials. `user_name`: what the client calls the user. `ttl`: seconds."""
    fields = {} if user is None else {"user": user}
    return Issue((TokenRequest(KIND, fields, ttl, {"user": user_name}),))


def turn_server(outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
    """Return username, password, ttl (seconds) and uris of the credentials that were issued."""
    issued = only_issued(outcomes)
    username, password, uris = (issued.extra[name] for name in EXTRAS)
    return {"username": username, "password": password, "ttl": issued.grant.ttl, "uris": uris}


def turn_server_as_json(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    """Render `turn_server`."""
    return as_json(turn_server(outcomes))
