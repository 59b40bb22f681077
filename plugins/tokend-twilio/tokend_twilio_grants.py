"""What a request for a Twilio token may say, and how a token says it: the claim `grants`.

Its form: `twilio.jwt.access_token.grants` of PyPI twilio 9.13.0, without what that calls deprecated.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from tokend.plugins import Grant, StrictModel

# a token has at most 16,384 characters, so that it fits the URL or header of a client: these lengths keep it below
Text = Annotated[str, Field(min_length=1, max_length=64)]
ApplicationSid = Annotated[str, Field(pattern="^AP[0-9a-fA-F]{32}$")]
CredentialSid = Annotated[str, Field(pattern="^CR[0-9a-fA-F]{32}$")]
ServiceSid = Annotated[str, Field(pattern="^IS[0-9a-fA-F]{32}$")]
SyncSid = Annotated[str, Field(pattern="^(IS[0-9a-fA-F]{32}|default)$")]
ParameterName = Annotated[str, Field(pattern="^[A-Za-z0-9_.-]{1,64}$")]
Parameters = Annotated[dict[ParameterName, Text], Field(min_length=1, max_length=16)]


class TwilioFields(StrictModel):
    """The fields of a token request, besides `kind` and `ttl`. A token has the grants that it has fields of."""

    user: str | None = Field(default=None, description="the identity", examples=["ann"])
    room: str | None = Field(default=None, description="Video: the room, or * for every room", examples=["lobby"])
    incoming: bool = Field(default=False, description="Voice: whether the user can be called")
    outgoing_application_sid: ApplicationSid | None = Field(
        default=None, description="Voice: what handles the user's calls"
    )
    outgoing_params: Parameters | None = Field(default=None, description="Voice: what that application gets")
    voice_push_credential_sid: CredentialSid | None = Field(
        default=None, description="Voice: for notifications of calls"
    )
    voice_endpoint_id: Text | None = Field(default=None, description="Voice: the device")
    chat_service_sid: ServiceSid | None = Field(default=None, description="Conversations: the service")
    chat_push_credential_sid: CredentialSid | None = Field(default=None, description="Conversations: for notifications")
    chat_endpoint_id: Text | None = Field(default=None, description="Conversations: the device")
    sync_service_sid: SyncSid | None = Field(default=None, description="Sync: the service")
    sync_endpoint_id: Text | None = Field(default=None, description="Sync: the device")


PATHS: Mapping[str, tuple[str, ...]] = {
    "outgoing_application_sid": ("voice", "outgoing", "application_sid"),
    "outgoing_params": ("voice", "outgoing", "params"),
    "voice_push_credential_sid": ("voice", "push_credential_sid"),
    "voice_endpoint_id": ("voice", "endpoint_id"),
    "chat_service_sid": ("chat", "service_sid"),
    "chat_push_credential_sid": ("chat", "push_credential_sid"),
    "chat_endpoint_id": ("chat", "endpoint_id"),
    "sync_service_sid": ("data_sync", "service_sid"),
    "sync_endpoint_id": ("data_sync", "endpoint_id"),
}
"""Where a token has these fields of a request: keys below the claim `grants`. The first is the name of the service."""
SOURCES: Mapping[str, tuple[str, str]] = {
    "join": ("video", "room"),
    "incoming_calls": ("voice", "incoming"),
    "outgoing_calls": ("voice", "outgoing_application_sid"),
    "chat": ("chat", "chat_service_sid"),
    "sync": ("data_sync", "sync_service_sid"),
}
"""The service of each privilege, and the field that requests it."""
NEEDS: Mapping[str, str] = {
    "outgoing_params": "outgoing_application_sid",
    **dict.fromkeys(("voice_push_credential_sid", "voice_endpoint_id"), "incoming"),
    **dict.fromkeys(("chat_push_credential_sid", "chat_endpoint_id"), "chat_service_sid"),
    "sync_endpoint_id": "sync_service_sid",
}
"""Fields that mean nothing without another one."""


def written(grant: Grant) -> dict[str, Any]:
    """The claim `grants`. A grant of Video without a room is for every room."""
    grants: dict[str, Any] = {"identity": grant.services[0].user}
    for service in grant.services:
        part = grants[service.name] = {}
        if isinstance(service.channel, str):
            part["room"] = service.channel
        if "incoming_calls" in service.privileges:
            part["incoming"] = {"allow": True}
        for field, value in service.detail.items():
            *parents, name = PATHS[field]
            place = grants
            for parent in parents:
                place = place.setdefault(parent, {})
            place[name] = value
    return grants


def said(grants: Mapping[str, Any]) -> dict[str, object]:
    """The fields that the claim `grants` says. For what is no such claim, it raises any error of a wrong type or key."""
    incoming = grants.get("voice", {}).get("incoming", {}).get("allow", False)
    fields: dict[str, object] = {"user": grants["identity"], "incoming": incoming}
    if "video" in grants:
        fields["room"] = grants["video"].get("room", "*")
    for field, path in PATHS.items():
        value: Any = grants
        for name in path:
            value = value.get(name, {})
        if value != {}:
            fields[field] = value
    return fields
