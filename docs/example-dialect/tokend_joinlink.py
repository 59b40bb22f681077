"""The API of Joinlink, an invented token server: `GET join/{room}?user=7` answers `{"access": …, "until": …}`."""

import json
from collections.abc import Sequence

from pydantic import Field

from tokend.plugins import (
    ApiError,
    Code,
    Description,
    Dialect,
    Endpoint,
    HttpRequest,
    HttpResponse,
    Issue,
    Issued,
    Outcome,
    StrictModel,
    TokenRequest,
)


class Options(StrictModel):
    """What a route may write at `dialect: {joinlink: {…}}`."""

    publish: bool = Field(default=False, description="whoever joins may publish too")


def parse(request: HttpRequest) -> Issue:
    """The token requests that an HTTP request is; `ApiError` (400) for one that this API does not know."""
    users = [value for name, value in request.query if name == "user"]
    if len(users) != 1 or not users[0].isdecimal() or len(users[0]) > 10:
        raise ApiError(Code.INVALID_FIELD, "must be a whole number of at most 10 digits, once", "user")
    role = "publisher" if request.options.publish else "subscriber"
    fields = {"channel": request.params["room"], "uid": int(users[0]), "role": role}
    return Issue((TokenRequest("rtc", fields, names={"uid": "user", "channel": "room"}),))


def render(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    """The response to what became of them."""
    (issued,) = (outcome for outcome in outcomes if isinstance(outcome, Issued))
    return HttpResponse(200, json.dumps({"access": issued.token, "until": issued.expires_at}).encode())


def render_error(api_error: ApiError, request_id: str) -> HttpResponse:
    """The response to a request that fails."""
    return HttpResponse(api_error.status, json.dumps({"why": api_error.detail, "request": request_id}).encode())


TEXT = {"type": "string"}
DESCRIPTION = Description(
    "A token to join a room",
    path={"room": {**TEXT, "description": "the room", "examples": ["lobby"]}},
    query={"user": {**TEXT, "description": "a number", "examples": ["7"]}},
    required=("user",),
    answer={
        "type": "object",
        "properties": {
            "access": {**TEXT, "examples": ["007eJx…"]},
            "until": {"type": "integer", "examples": [1_800_003_600]},
        },
        "required": ["access", "until"],
    },
)
DIALECT = Dialect(
    "joinlink",
    (Endpoint("GET", "join/{room}", parse, render, description=DESCRIPTION),),
    render_error,
    api_version=1,
    Options=Options,
    kinds=lambda options: {"rtc": ()},
    error={"type": "object", "properties": {"why": TEXT, "request": TEXT}, "required": ["why", "request"]},
)
