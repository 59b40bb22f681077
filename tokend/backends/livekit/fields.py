"""Options and request fields of LiveKit, with the limits of its server.

Limits: pkg/config/config.go of github.com/livekit/livekit, `DefaultConfig.Limit`: 256 bytes for a room's name, an identity and
a participant's name. Numbers of a room configuration are uint32 in livekit_room.proto of github.com/livekit/protocol.
"""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from tokend.core.errors import ApiError, Code
from tokend.core.secrets import Secret, SecretList
from tokend.core.validation import StrictModel, invalid, matching, satisfying

MAX_BYTES: Final = 256
"""Bytes of a room's name, an identity and a participant's name."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ID: Final = f"must be 1 to {MAX_BYTES} bytes without control characters, and not *"


def is_id(text: str) -> bool:
    """Whether a text can be an identity or the name of a room. LiveKit has no wildcards; `*` alone would look like one."""
    return bool(text) and text != "*" and _CONTROL.search(text) is None and len(text.encode()) <= MAX_BYTES


def checked_identity(text: str) -> str:
    """The text. Raises `ApiError` (400) unless it can be an identity."""
    if not is_id(text):
        raise ApiError(Code.INVALID_FIELD, _ID, "identity")
    return text


_short = satisfying(lambda text: len(text.encode()) <= MAX_BYTES, f"must be at most {MAX_BYTES} bytes")


# no documented limit: ours
_api_key = matching(
    r"[!-~]{1,128}", "must be 1 to 128 printable ASCII characters without blanks, such as APIabcdefghijklm"
)


def _server_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("ws", "wss", "http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        parts.port  # noqa: B018  # raises where it is no port
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise invalid("must be the URL of a LiveKit server, such as wss://media.example.com, without user or password")
    return text


Id = Annotated[str, AfterValidator(satisfying(is_id, _ID))]
Name = Annotated[str, Field(min_length=1), AfterValidator(_short)]
Text = Annotated[str, Field(min_length=1)]
ApiKey = Annotated[str, AfterValidator(_api_key)]
Number = Annotated[int, Field(ge=0, lt=1 << 32)]


class KeyPair(StrictModel):
    """An API key and its secret."""

    api_key: ApiKey = Field(description="the API key", examples=["APIabcdefghijklm"])
    secret: Secret = Field(description="its secret")


class LiveKitOptions(StrictModel):
    """What the YAML says below `backends: {livekit: …}`."""

    api_key: ApiKey = Field(description="the API key; tokens name it as their issuer", examples=["APIabcdefghijklm"])
    secret: SecretList = Field(description="the API key's secret; if a list, the first signs and all verify")
    url: Annotated[str, AfterValidator(_server_url)] = Field(
        description="where clients find the LiveKit server, such as wss://media.example.com",
        examples=["wss://media.example.com"],
    )
    old_keys: list[KeyPair] = Field(
        default=[], description="API keys that LiveKit still accepts; inspections recognize their tokens. Default: none"
    )


class AgentDispatch(StrictModel):
    """An agent that joins the room as it begins (livekit.RoomAgentDispatch)."""

    agent_name: str = ""
    metadata: str = ""
    restart_policy: Literal["JRP_ON_FAILURE", "JRP_NEVER"] = "JRP_ON_FAILURE"
    deployment: str = ""
    attributes: dict[str, str] = Field(default={})


class RoomConfig(StrictModel):
    """How a room is made if this participant is its first (livekit.RoomConfiguration), except for egress.

    Egress may contain credentials of a storage, and everybody who has a token can read it.
    """

    name: str = ""
    empty_timeout: Number = Field(default=0, description="seconds that the room stays if nobody joins")
    departure_timeout: Number = Field(default=0, description="seconds that the room stays after the last one left")
    max_participants: Number = 0
    metadata: str = ""
    min_playout_delay: Number = Field(default=0, description="milliseconds")
    max_playout_delay: Number = Field(default=0, description="milliseconds")
    sync_streams: bool = False
    agents: list[AgentDispatch] = Field(default=[])
    tags: dict[str, str] = Field(default={})


class AgentEndpoint(StrictModel):
    """Calls of an agent's HTTP endpoints. Without `agent_name`: of every agent; without `deployment`: of every one."""

    call: bool = False
    agent_name: str = ""
    deployment: str = ""


_ThreadIds = list[str]  # in the class, Python 3.14 would take `list` for the field of that name


class AgentThread(StrictModel):
    """Access to the threads of agents. `all`: every thread of the project. `threads_of`: LiveKit's `scope` of threads."""

    all: bool = False
    threads_of: str = Field(default="", description="LiveKit's scope, in which threads may be listed and created")
    thread_ids: _ThreadIds = Field(default=[])
    list: bool = False
    create: bool = False
    write: bool = False
    read: bool = False
    delete: bool = False


ParticipantKind = Literal["standard", "egress", "ingress", "sip", "agent"]
Source = Literal["camera", "microphone", "screen_share", "screen_share_audio"]


class LiveKitFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`. Without any, a token joins and subscribes."""

    room: Id | None = Field(default=None, description="the name of the room", examples=["lobby"])
    identity: Id | None = Field(
        default=None, description="the participant's identity, unique in the room", examples=["ann"]
    )
    role: Literal["publisher", "subscriber"] | None = Field(
        default=None,
        json_schema_extra={"format": "role"},
        description="default of can_publish and can_publish_data: true for a publisher, false for a subscriber",
        examples=["publisher"],
    )
    name: Name | None = Field(default=None, description="the name that others see")
    metadata: Text | None = Field(default=None, description="a text about the participant, for the others")
    attributes: dict[str, str] | None = Field(default=None, description="texts about the participant, by name")
    room_join: bool = Field(default=True, description="join the room. A token for LiveKit's server API alone has false")
    can_publish: bool | None = Field(
        default=None, description="publish tracks from every source. Default: true for the role publisher"
    )
    can_publish_sources: list[Source] | None = Field(
        default=None, min_length=1, description="publish only from these sources"
    )
    can_publish_data: bool | None = Field(default=None, description="send data. Default: as can_publish")
    can_subscribe: bool | None = Field(default=None, description="receive tracks. Default: true")
    can_update_own_metadata: bool = Field(
        default=False, description="change the participant's own metadata, name and attributes"
    )
    can_subscribe_metrics: bool = Field(default=False, description="receive the metrics of other participants")
    can_manage_agent_session: bool = Field(default=False, description="manage the session of an agent")
    hidden: bool = Field(default=False, description="others do not see the participant")
    recorder: bool = Field(default=False, description="the room shows that it is recorded")
    agent: bool = Field(default=False, description="register as a worker for agents")
    room_admin: bool = Field(default=False, description="moderate the room")
    destination_room: Id | None = Field(
        default=None, description="with room_admin: participants may be moved or forwarded to this room"
    )
    room_create: bool = Field(default=False, description="create and delete rooms")
    room_list: bool = Field(default=False, description="list the rooms of the project")
    room_record: bool = Field(default=False, description="use egress")
    ingress_admin: bool = Field(default=False, description="manage ingress")
    sip_admin: bool = Field(default=False, description="manage SIP trunks and dispatch rules")
    sip_call: bool = Field(default=False, description="make outbound calls")
    inference: bool = Field(default=False, description="use LiveKit's inference")
    observability: bool = Field(default=False, description="publish observability data")
    agent_admin: bool = Field(default=False, description="manage LiveKit's cloud agents")
    agent_simulation_admin: bool = Field(default=False, description="manage simulations of cloud agents")
    agent_database_admin: bool = Field(default=False, description="manage databases of cloud agents")
    agent_dispatch_admin: bool = Field(default=False, description="manage dispatches of cloud agents")
    agent_endpoint: AgentEndpoint | None = Field(default=None, description="call HTTP endpoints of agents")
    agent_thread: AgentThread | None = Field(default=None, description="access to threads of agents")
    participant_kind: ParticipantKind | None = Field(
        default=None, description="the kind of participant. LiveKit takes a missing one as standard"
    )
    room_config: RoomConfig | None = Field(
        default=None, description="how the room is made if this participant is its first"
    )
    room_preset: Text | None = Field(default=None, description="the name of a room configuration in LiveKit Cloud")
    sha256: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/=_-]{1,100}$")] | None = Field(
        default=None, description="the hash of a body that the token signs, as in webhooks"
    )
