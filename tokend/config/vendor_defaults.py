"""What applies where a configuration names no vendor: kinds, dialects, variables and presets of rules.

It is the only module of the configuration that names kinds and dialects of a vendor.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

DEFAULT_KINDS: Final = ("rtc", "rtm", "chat")
"""The kinds of an app without `backends`."""
DEFAULT_DIALECTS: Final = ("native", "agora-token-service")
"""The dialects of a route without `dialect`."""
CREDENTIAL_VARIABLES: Final[Mapping[str, str]] = {"app_id": "APP_ID", "certificate": "APP_CERTIFICATE"}
"""The variables that a start without a file needs, by the key of the app that each gives a value to."""


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
