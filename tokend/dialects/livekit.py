"""`livekit`: LiveKit's standard token endpoint, and the `api/connection-details` of its starter apps.

The standard endpoint: https://docs.livekit.io/frontends/build/authentication/endpoint/. Its path is free; `createToken` is that
of LiveKit's token-server-node, whose answer is a bare token: for its clients, docs/vendors/livekit.md has a custom endpoint.
`api/connection-details` is that of livekit-examples/meet (GET) and of livekit-examples/agent-starter-react (POST) where the app
has `NEXT_PUBLIC_CONN_DETAILS_ENDPOINT`; its answer has other names.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import Field

from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.core.validation import StrictModel
from tokend.dialects import reading
from tokend.dialects.contract import Description, Dialect, Endpoint, HttpRequest, HttpResponse, Issue, Outcome
from tokend.dialects.describing import CHANNEL, ERROR, STRING, TEXT, answer_of, object_of
from tokend.dialects.rendering import as_json, clamped_ttl, only_issued, render_error

_ROOM: Final = "room_name"
_FIELDS: Final[Mapping[str, str]] = {
    _ROOM: "room",
    "participant_identity": "identity",
    "participant_name": "name",
    "participant_metadata": "metadata",
    "participant_attributes": "attributes",
    "room_config": "room_config",
}
"""The fields of the kind by their names in the body."""
_OLDER: Final = {"roomName": _ROOM, "participantName": "participant_name"}
"""Names that older clients send in a body, in place of those of the standard."""
_QUERY: Final = {"roomName": "room", "participantName": "name", "metadata": "metadata"}
"""The fields of the kind by their names in the query."""
_BODY_NAMES: Final = {field: name for name, field in _FIELDS.items()}
_QUERY_NAMES: Final = {field: name for name, field in _QUERY.items()}


class LiveKitDialectOptions(StrictModel):
    """What a route may write at `dialect: {livekit: {…}}`."""

    kind: str = Field(
        default="livekit",
        min_length=1,
        description="the kind of its tokens, if the app gives it another name",
        examples=["media"],
    )
    role: Literal["publisher", "subscriber"] = Field(
        default="publisher", description="whether participants publish; the API has no field for it"
    )
    generate: list[Literal["room", "identity"]] = Field(
        default=[],
        description="make up a room, an identity or both where the request leaves them out. Default: none",
        examples=[["identity"]],
    )


def _standard(request: HttpRequest) -> Issue:
    """Parse a body of the standard, all of whose fields may be left out. An empty text and null count as left out."""
    body = _body(request) if request.body.strip() else {}
    return _issue(request, {name: body[said] for said, name in _FIELDS.items() if body.get(said) not in (None, "")})


def _body(request: HttpRequest) -> Mapping[str, Any]:
    """The body with the names of the standard."""
    body = reading.described_body(request, _STANDARD)
    for older, name in _OLDER.items():
        if older in body and name in body:
            raise ApiError(Code.INVALID_FIELD, f"cannot be combined with {name}: send one of them", older)
    return {_OLDER.get(name, name): value for name, value in body.items()}


def _details(request: HttpRequest) -> Issue:
    """Parse a query. The API has no identity: it comes from the caller's rule, or is made up."""
    said = {name: reading.query_value(request, name) for name in _QUERY}
    return _issue(request, {_QUERY[name]: value for name, value in said.items() if value}, _QUERY_NAMES)


def _issue(request: HttpRequest, fields: Mapping[str, object], names: Mapping[str, str] = _BODY_NAMES) -> Issue:
    """One token to join a room. `names`: those of the fields in the request."""
    options = request.options
    generated = {field: _made_up(field, request.nonce) for field in options.generate if field not in fields}
    return Issue((TokenRequest(options.kind, {**fields, **generated, "role": options.role}, None, names),))


def _made_up(field: Literal["room", "identity"], nonce: int) -> str:
    """A room or identity from the request's nonce: 64 random bits each, in hexadecimal digits."""
    return f"room-{nonce >> 64:016x}" if field == "room" else f"guest-{nonce % (1 << 64):016x}"


def _render_standard(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    issued = only_issued(outcomes)
    body = {"server_url": issued.extra.get("server_url"), "participant_token": issued.token}
    return as_json({**body, **clamped_ttl(outcomes)}, 201)


def _render_details(request: HttpRequest, outcomes: Sequence[Outcome]) -> HttpResponse:
    issued = only_issued(outcomes)
    service = issued.grant.services[0]
    body = {
        "serverUrl": issued.extra.get("server_url"),
        "roomName": service.channel,
        "participantName": service.detail.get("name", service.user),
        "participantToken": issued.token,
    }
    return as_json({**body, **clamped_ttl(outcomes)})


_AGENT: Final = object_of(
    {
        "agent_name": STRING,
        "metadata": STRING,
        "restart_policy": {"type": "string", "enum": ["JRP_ON_FAILURE", "JRP_NEVER"]},
        "deployment": STRING,
        "attributes": {"type": "object", "additionalProperties": STRING},
    }
)
_NUMBER: Final = {"type": "integer", "minimum": 0, "maximum": 4_294_967_295}
_ROOM_CONFIG: Final = object_of(
    {
        **dict.fromkeys(("name", "metadata"), STRING),
        **dict.fromkeys(("empty_timeout", "departure_timeout", "max_participants"), _NUMBER),
        **dict.fromkeys(("min_playout_delay", "max_playout_delay"), _NUMBER),
        "sync_streams": {"type": "boolean"},
        "agents": {"type": "array", "items": _AGENT},
        "tags": {"type": "object", "additionalProperties": STRING},
    }
)
_BODY: Final = object_of(
    {
        _ROOM: {
            **STRING,
            "description": "The room. Default: one that is made up, if the route does so",
            "examples": ["lobby"],
        },
        "participant_identity": {
            **STRING,
            "description": "Id of the participant, unique in the room. Default: one that is made up, if the route does so",
            "examples": ["ann"],
        },
        "participant_name": {**STRING, "description": "The name that others see", "examples": ["Ann"]},
        "participant_metadata": {**STRING, "description": "Text that the other participants get"},
        "participant_attributes": {"type": "object", "additionalProperties": STRING},
        "room_config": _ROOM_CONFIG,
        **{name: {**STRING, "description": f"an older name of {said}"} for name, said in _OLDER.items()},
    }
)
_URL: Final = {**STRING, "description": "Where the client connects", "examples": ["wss://media.example.com"]}
_TOKEN: Final = {**STRING, "examples": ["eyJhbGciOiJIUzI1NiJ9.eyJ2aWRlbyI6…"]}
_STANDARD: Final = Description(
    "A token to join a room, as LiveKit's SDKs request it",
    body=_BODY,
    answer=answer_of(server_url=_URL, participant_token=_TOKEN),
    status=201,
    remarks="Every field may be left out: a rule supplies the participant, or the route makes up what is missing.",
)
_DETAILS: Final = answer_of(
    serverUrl=_URL,
    roomName=CHANNEL,
    participantName={**STRING, "examples": ["Ann"]},
    participantToken=_TOKEN,
)
_DETAILS_SUMMARY: Final = "A token to join a room, as LiveKit's starter apps request it"
_QUERY_PARAMETERS: Final = {
    "roomName": CHANNEL,
    "participantName": {**TEXT, "description": "The name that others see", "examples": ["Ann"]},
    "metadata": {**TEXT, "description": "Text that the other participants get"},
}

DIALECT: Final = Dialect(
    "livekit",
    (
        Endpoint("POST", "createToken", _standard, _render_standard, description=_STANDARD),
        Endpoint(
            "GET",
            "api/connection-details",
            _details,
            _render_details,
            description=Description(
                _DETAILS_SUMMARY,
                query=_QUERY_PARAMETERS,
                answer=_DETAILS,
                remarks="The request has no identity: a rule supplies it, or the route makes it up.",
            ),
        ),
        Endpoint(
            "POST",
            "api/connection-details",
            _standard,
            _render_details,
            description=Description(_DETAILS_SUMMARY, body=_BODY, answer=_DETAILS),
        ),
    ),
    render_error,
    Options=LiveKitDialectOptions,
    kinds=lambda options: {options.kind: ()},
    error=ERROR,
)
