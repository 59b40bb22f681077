"""Random access tokens of the kind `livekit`, read by the vendor's own verifier: PyPI livekit-api 1.2.2, `TokenVerifier`.

What is expected is written from the field lists of that package (access_token.py) and of LiveKit's page "Tokens & grants"
(https://docs.livekit.io/frontends/reference/tokens-grants/), not from the backend.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from livekit.api import TokenVerifier

from tokend.backends.livekit.backend import LiveKit
from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 1_000_000
API_KEY: Final = "APIabcdefghijklm"
SECRET: Final = "Zk7qWv0rTy3uXo5pLs8dFg1hJc2bNm4e"
_LETTERS: Final = 'abcXYZ019 -_.:/#*"\\{}<>&é語😀'
_SOURCES: Final = ("camera", "microphone", "screen_share", "screen_share_audio")
_OF_PROJECT: Final = ("room_create", "room_list", "room_record", "ingress_admin", "agent")
_OF_PARTICIPANT: Final = (
    *("can_update_own_metadata", "can_subscribe_metrics", "can_manage_agent_session", "hidden", "recorder"),
)
_OTHERS: Final = {
    "sip_admin": ("sip", "admin"),
    "sip_call": ("sip", "call"),
    "inference": ("inference", "perform"),
    "observability": ("observability", "write"),
    "agent_admin": ("agent", "admin"),
    "agent_simulation_admin": ("agent", "simulation_admin"),
    "agent_database_admin": ("agent", "database_admin"),
    "agent_dispatch_admin": ("agent", "dispatch_admin"),
}
"""Fields whose grants stand beside the video grant, and where the vendor's `Claims` has them."""


def differences(count: int, seed: int) -> list[str]:
    """How the vendor's verifier reads `count` random tokens otherwise than they were requested."""
    rng = random.Random(seed)
    backend = LiveKit(
        LiveKit.Options.model_validate({"api_key": API_KEY, "secret": Secret(SECRET), "url": "wss://a.example"}),
        AppCredentials(None, {}),
    )
    verifier = TokenVerifier(API_KEY, SECRET)
    found: list[str] = []
    for _ in range(count):
        fields = random_fields(rng)
        ttl = rng.choice((600, 3_600, 86_400, rng.randint(600, 10**7)))
        grant = backend.grant(LiveKit.Fields.model_validate(fields), ttl)
        token = backend.mint(grant, Issuance(int(time.time()), rng.getrandbits(128))).token
        read, expected = what_is_read(verifier, token), what_is_expected(fields)
        found += [
            f"{fields}: {name} is {read.get(name)!r}, not {expected.get(name)!r}"
            for name in read.keys() | expected.keys()
            if read.get(name) != expected.get(name)
        ]
    return found


def what_is_read(verifier: TokenVerifier, token: str) -> Mapping[str, Any]:
    """All that the vendor's verifier finds in a token, without empty values; names of a group are joined by a full stop."""
    claims = verifier.verify(token)
    config = claims.room_config
    claims.room_config = None
    found: dict[str, Any] = {}
    for name, value in asdict(claims).items():
        if isinstance(value, dict) and name != "attributes":
            found.update({f"{name}.{key}": item for key, item in value.items()})
        else:
            found[name] = value
    if config is not None:
        found["room_config"] = MessageToDict(config, preserving_proto_field_name=True)
    return {name: value for name, value in found.items() if value not in (None, "", [], {}, False)}


def what_is_expected(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same, from a request. The verifier takes permissions that are left out as allowed: so does LiveKit."""
    joins = fields.get("room_join", True)
    publishes = fields.get("can_publish", fields.get("role") == "publisher" or "can_publish_sources" in fields)
    sources = [source for source in _SOURCES if source in fields.get("can_publish_sources", ())]
    expected = {
        "identity": fields.get("identity"),
        **{name: fields.get(name) for name in ("name", "metadata", "attributes", "sha256", "room_preset")},
        "kind": None if fields.get("participant_kind") == "standard" else fields.get("participant_kind"),
        "room_config": fields.get("room_config"),
        "video.room": fields.get("room"),
        "video.room_join": joins,
        "video.can_publish": publishes or not joins,
        "video.can_publish_sources": sources,
        "video.can_publish_data": fields.get("can_publish_data", publishes) or not joins,
        "video.can_subscribe": fields.get("can_subscribe", True) or not joins,
        "video.destination_room": fields.get("destination_room"),
        **{f"video.{name}": fields.get(name) for name in (*_OF_PROJECT, *_OF_PARTICIPANT, "room_admin")},
        **{".".join(place): fields.get(name) for name, place in _OTHERS.items()},
        **{f"agent_endpoint.{name}": value for name, value in fields.get("agent_endpoint", {}).items()},
        **{
            f"agent_thread.{'scope' if name == 'threads_of' else name}": value
            for name, value in fields.get("agent_thread", {}).items()
        },
    }
    return {name: value for name, value in expected.items() if value not in (None, "", [], {}, False)}


def random_fields(rng: random.Random) -> dict[str, Any]:
    """The fields of a request that must be granted."""
    fields: dict[str, Any] = {}
    if rng.random() < 0.75:
        fields |= {"room": _id(rng), "identity": _id(rng), **_permissions(rng)}
        fields |= {name: rng.random() < 0.5 for name in _OF_PARTICIPANT if rng.random() < 0.2}
        if rng.random() < 0.2:
            fields["room_admin"] = True
    else:
        fields |= {"room_join": False, rng.choice((*_OF_PROJECT, *_OTHERS)): True}
        if rng.random() < 0.4:
            fields |= {"room": _id(rng), "room_admin": True}
        if rng.random() < 0.3:
            fields["identity"] = _id(rng)
    if fields.get("room_admin") and rng.random() < 0.3:
        fields["destination_room"] = f"{fields['room'][:99]}-2"
    fields |= {
        name: rng.random() < 0.8 for name in (*_OF_PROJECT, *_OTHERS) if rng.random() < 0.05 and name not in fields
    }
    return fields | _details(rng)


def _permissions(rng: random.Random) -> dict[str, Any]:
    """Permissions in a room that go together."""
    found: dict[str, Any] = rng.choice(
        (
            {},
            {"role": "subscriber"},
            {"role": "publisher"},
            {"can_publish": rng.random() < 0.5},
            {"can_publish_sources": rng.sample(_SOURCES, rng.randint(1, 4))},
        )
    )
    if found.get("role") != "subscriber" and rng.random() < 0.4:
        found = {**found, "can_publish_data": rng.random() < 0.5}
    return found | ({"can_subscribe": rng.random() < 0.5} if rng.random() < 0.4 else {})


def _details(rng: random.Random) -> dict[str, Any]:
    """Everything else that a token may say."""
    agent = {
        name: value
        for name, value in (
            ("agent_name", _text(rng)),
            ("metadata", _text(rng)),
            ("restart_policy", "JRP_NEVER"),
            ("deployment", _text(rng)),
            ("attributes", {_text(rng): _text(rng)}),
        )
        if rng.random() < 0.4
    }
    config = {
        name: value
        for name, value in (
            *((name, rng.randint(1, 2**32 - 1)) for name in ("empty_timeout", "departure_timeout", "max_participants")),
            *((name, rng.randint(1, 2**32 - 1)) for name in ("min_playout_delay", "max_playout_delay")),
            ("name", _text(rng)),
            ("metadata", _text(rng)),
            ("sync_streams", True),
            ("agents", [agent] * rng.randint(1, 2)),
            ("tags", {_text(rng): _text(rng)}),
        )
        if rng.random() < 0.2
    }
    thread = {name: True for name in ("all", "list", "create", "write", "read", "delete") if rng.random() < 0.5}
    every: tuple[tuple[str, Any], ...] = (
        ("name", _text(rng)),
        ("metadata", _text(rng)),
        ("attributes", {_text(rng): _text(rng) for _ in range(rng.randint(0, 3))}),
        ("participant_kind", rng.choice(("standard", "egress", "ingress", "sip", "agent"))),
        ("room_config", config),
        ("room_preset", _text(rng)),
        ("agent_endpoint", {"call": True, "agent_name": _text(rng), "deployment": _text(rng)}),
        ("agent_thread", {**thread, "threads_of": _text(rng), "thread_ids": [_text(rng)]}),
        ("sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    )
    return {name: value for name, value in every if rng.random() < 0.15}


def _id(rng: random.Random) -> str:
    found = _text(rng)
    return found if found != "*" else "a"


def _text(rng: random.Random) -> str:
    return "".join(rng.choices(_LETTERS, k=rng.randint(1, 30)))
