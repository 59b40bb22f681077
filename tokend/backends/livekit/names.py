"""What LiveKit's grants mean for rules: names of request fields, the claims that they are written as, and capabilities.

The claims are those of npm livekit-server-sdk 2.19.2 (grants.ts), PyPI livekit-api 1.2.2 (access_token.py) and
github.com/livekit/protocol (auth/grants.go). The last one says what a claim means that is left out.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tokend.core.declarations import ADMIN, FREE, LISTEN, PUBLISH, Capability, Freedom, Meaning

SERVICE: Final = "livekit"
SOURCES: Final = ("camera", "microphone", "screen_share", "screen_share_audio")
"""The sources of tracks, as `canPublishSources` names them."""
JOIN: Final = "room_join"
PUBLISH_ALL: Final = "can_publish"
PUBLISH_DATA: Final = "can_publish_data"
SUBSCRIBE: Final = "can_subscribe"
ANY_SOURCE: Final = "any_source"
"""A detail: true for a token that may publish from every source. A rule forbids it by `fields: {any_source: false}`."""


class Flag(Struct, frozen=True):
    """A claim that is true or false, and false if it is left out. `group`: the claim that holds it.

    `attribute`: its name in the model of the group; the claim is that in camel case. `within`: whether it means something
    only for a participant of a room.
    """

    group: str
    attribute: str
    meaning: Meaning
    within: bool = False


FLAGS: Final[Mapping[str, Flag]] = {
    "room_admin": Flag("video", "room_admin", Capability("room_admin", role=PUBLISH)),  # it may change permissions
    "room_create": Flag("video", "room_create", ADMIN),
    "room_list": Flag("video", "room_list", ADMIN),
    "room_record": Flag("video", "room_record", ADMIN),
    "ingress_admin": Flag("video", "ingress_admin", ADMIN),
    "agent": Flag("video", "agent", ADMIN),  # the holder is given jobs of every room
    "hidden": Flag("video", "hidden", Capability("hidden"), within=True),
    "recorder": Flag("video", "recorder", Capability("recorder"), within=True),
    "can_update_own_metadata": Flag("video", "can_update_own_metadata", Capability("update_own_metadata"), within=True),
    "can_subscribe_metrics": Flag("video", "can_subscribe_metrics", Capability("subscribe_metrics"), within=True),
    "can_manage_agent_session": Flag(
        "video", "can_manage_agent_session", Capability("manage_agent_session"), within=True
    ),
    "sip_admin": Flag("sip", "admin", ADMIN),
    "sip_call": Flag("sip", "call", Capability("sip_call")),
    "inference": Flag("inference", "perform", Capability("inference")),
    "observability": Flag("observability", "write", Capability("observability")),
    "agent_admin": Flag("agent", "admin", ADMIN),
    "agent_simulation_admin": Flag("agent", "simulation_admin", ADMIN),
    "agent_database_admin": Flag("agent", "database_admin", ADMIN),
    "agent_dispatch_admin": Flag("agent", "dispatch_admin", ADMIN),
}
"""The flags by request field and privilege."""

PRIVILEGES: Final[Mapping[str, Meaning]] = {
    JOIN: LISTEN,
    SUBSCRIBE: LISTEN,
    PUBLISH_ALL: PUBLISH,
    PUBLISH_DATA: PUBLISH,
    **{f"publish_{source}": Capability(f"publish_{source}", role=PUBLISH) for source in SOURCES},
    **{name: flag.meaning for name, flag in FLAGS.items()},
}
DETAILS: Final[Mapping[str, Freedom | Capability]] = {
    "name": FREE,
    "metadata": FREE,
    "attributes": FREE,
    ANY_SOURCE: FREE,
    "participant_kind": Capability("participant_kind"),
    "room_config": Capability("dispatch"),
    "room_preset": Capability("dispatch"),
    "agent_endpoint": Capability("agent_endpoint"),
    "agent_thread": Capability("agent_thread"),
    "sha256": ADMIN,  # LiveKit signs its webhooks with such tokens: whoever has one can forge a webhook
}
