"""What applies where a configuration names no vendor: kinds, dialects, variables, an example and presets of rules.

It is the only module of the configuration that names kinds and dialects of a vendor.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from msgspec import Struct

DEFAULT_KINDS: Final = ("rtc", "rtm", "chat")
"""The kinds of an app without `backends`."""
DEFAULT_DIALECTS: Final = ("native", "agora-token-service")
"""The dialects of a route without `dialect`, where the app has one of `DEFAULT_KINDS`."""
CREDENTIAL_VARIABLES: Final[Mapping[str, str]] = {"app_id": "APP_ID", "certificate": "APP_CERTIFICATE"}
"""The variables that a start without a file needs for Agora, by the key of the app that each gives a value to."""
LIVEKIT_VARIABLES: Final[Mapping[str, str]] = {
    "api_key": "LIVEKIT_API_KEY",
    "secret": "LIVEKIT_API_SECRET",
    "url": "LIVEKIT_URL",
}
"""The same for LiveKit, by the option of the kind `livekit`. They may be set in place of Agora's, or beside them."""
LIVEKIT: Final = "livekit"
"""The kind and the dialect of LiveKit."""
LIVEKIT_CAPABILITIES: Final = ("dispatch",)
"""What LiveKit's clients need beside the rest: they name the agent that joins their room."""
LIVEKIT_DIALECTS: Final[tuple[str | dict[str, Any], ...]] = ("native", {LIVEKIT: {"generate": ["room", "identity"]}})
"""The dialects of a start without a file. LiveKit's starter apps send neither a room nor an identity."""


def default_dialects(kinds: Collection[str]) -> tuple[str, ...]:
    """Return the dialects of a route without `dialect`. `kinds`: those of its app."""
    return DEFAULT_DIALECTS if any(kind in kinds for kind in DEFAULT_KINDS) else DEFAULT_DIALECTS[:1]


class Example(Struct, frozen=True):
    """A GET request for a token, for people who try a new server. `path` is below the route, with {fields} to insert."""

    dialect: str
    kind: str
    path: str
    uid: int


EXAMPLE: Final = Example("agora-token-service", "rtc", "/rtc/{channel}/{role}/uid/{uid}/", 1001)
"""The example that the greeting of `serve` shows, if a rule of the configuration allows it."""


class RulePreset(Struct, frozen=True):
    """A preset. `kinds`: the app must have at least one of them. `user` None: the rule must write it. `max_ttl` in seconds."""

    kinds: tuple[str, ...]
    roles: tuple[str, ...]
    user: str | None = None
    max_ttl: int | None = None


RULE_PRESETS: Final[Mapping[str, RulePreset]] = {
    # cloud recording joins with its own uid and cannot renew its token, so the token must last longer than the recording
    "recorder": RulePreset(kinds=("rtc",), roles=("subscriber",), max_ttl=86_400),
    # the second uid of a user who shares a screen
    "screen_share": RulePreset(kinds=("rtc",), roles=("publisher",), user="{claims.sub|screen_uid}"),
    # a program that both listens and publishes
    "agent": RulePreset(kinds=("rtc", "rtm"), roles=("publisher", "subscriber")),
}
