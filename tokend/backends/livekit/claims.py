"""The claims of a LiveKit token, read strictly: a claim that is not here makes it unreadable.

A boolean that is left out has LiveKit's own meaning: `canPublish` and `canSubscribe` are true then, and `canPublishData` is as
`canPublish` (auth/grants.go of github.com/livekit/protocol). Tokens of this backend leave none of them out.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from tokend.backends.json_web_tokens import LATEST
from tokend.backends.livekit import names
from tokend.backends.livekit.fields import (
    AgentDispatch,
    AgentEndpoint,
    AgentThread,
    ParticipantKind,
    RoomConfig,
    Source,
)
from tokend.core.validation import StrictModel

Seconds = Annotated[int, Field(ge=0, lt=LATEST)]


class _Claim(StrictModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Dispatch(AgentDispatch, _Claim):
    pass


class _RoomConfig(RoomConfig, _Claim):
    agents: list[_Dispatch] = Field(default_factory=list)  # type: ignore[assignment]  # the same, with the names of claims


class _AgentEndpoint(AgentEndpoint, _Claim):
    pass


class _AgentThread(AgentThread, _Claim):
    threads_of: str = Field(default="", alias="scope")


def _made_once(model: type[_Claim]) -> Any:
    """A field whose default is one instance: pydantic would copy one that holds a list for each token."""
    default = model()
    return Field(default_factory=lambda: default)


class Video(_Claim):
    """What the participant may do in a room, and with the rooms of the project."""

    room: str = ""
    room_join: bool = False
    room_admin: bool = False
    room_create: bool = False
    room_list: bool = False
    room_record: bool = False
    ingress_admin: bool = False
    agent: bool = False
    hidden: bool = False
    recorder: bool = False
    can_publish: bool = True
    can_publish_sources: list[Source] = Field(default_factory=list)
    can_publish_data: bool | None = None
    can_subscribe: bool = True
    can_update_own_metadata: bool = False
    can_subscribe_metrics: bool = False
    can_manage_agent_session: bool = False
    destination_room: str = ""


class Sip(_Claim):
    """What the holder may do with telephony."""

    admin: bool = False
    call: bool = False


class Inference(_Claim):
    """Whether the holder may use models."""

    perform: bool = False


class Observability(_Claim):
    """Whether the holder may publish observability data."""

    write: bool = False


class Agent(_Claim):
    """What the holder may manage of LiveKit's cloud agents."""

    admin: bool = False
    simulation_admin: bool = False
    database_admin: bool = False
    dispatch_admin: bool = False


class Claims(_Claim):
    """All claims of a token. `sub` is the identity; `nbf` is the time of issue."""

    iss: str
    sub: str = ""
    nbf: Seconds
    exp: Seconds
    iat: Seconds | None = None  # the Go SDK writes it
    jti: str = ""  # old SDKs wrote the identity here
    identity: str = ""  # the Go SDK repeats it
    name: str = ""
    metadata: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    participant_kind: ParticipantKind = Field(default="standard", alias="kind")
    video: Video = Field(default_factory=Video)
    sip: Sip = Sip()
    inference: Inference = Inference()
    observability: Observability = Observability()
    agent: Agent = Agent()
    agent_endpoint: _AgentEndpoint = _AgentEndpoint()
    agent_thread: _AgentThread = _made_once(_AgentThread)
    room_config: _RoomConfig = _made_once(_RoomConfig)
    room_preset: str = ""
    sha256: str = ""


DETAILS: Final = tuple(name for name in names.DETAILS if name != names.ANY_SOURCE)
"""The claims that become details of a service, by the name of the detail."""


def plain(value: Any) -> Any:
    """A value of a model as plain data, without what has its default."""
    return value.model_dump(exclude_defaults=True) if isinstance(value, StrictModel) else value


def claim_of(name: str, detail: Any) -> tuple[str, Any]:
    """The name and value of the claim of a detail."""
    if name == "participant_kind":
        return "kind", detail
    if name == "room_config":
        agents = [_camel(agent) for agent in detail.get("agents", ())]
        detail = _camel(detail) | ({"agents": agents} if agents else {})
    elif name in ("agent_endpoint", "agent_thread"):
        detail = _camel(detail)
    return "sha256" if name == "sha256" else to_camel(name), detail


def _camel(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"scope" if name == "threads_of" else to_camel(name): value for name, value in fields.items()}
