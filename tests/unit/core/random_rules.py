"""What random rules, restrictions, claims and requests are made of: few texts, so that they often meet, and the odd ones."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.unit.core.any_kind import AnyKind, PlainKind
from tests.unit.core.reference_rules import Bounds, Granted
from tests.unit.issuing.making import CALLER, CREDENTIALS, app, backends, route_options, rule, ttl_bounds
from tokend.backends.contract import Backend, NoOptions
from tokend.core.declarations import CAPABILITIES as BUILT_IN
from tokend.core.errors import ApiError
from tokend.core.model import Caller, Restriction, TokenRequest
from tokend.core.patterns import screen_uid_of, uid_of
from tokend.issuing.configuration import App
from tokend.issuing.policy import Permit, decide

OPTIONS: Final = route_options(ttl_bounds(600, 60, 3600))
BOUNDS: Final = Bounds(600, 60, 3600)
_CHANNELS: Final = ("room", "room-1", "acme-1", "acme-eu-1", "axb", "ab", "*", "", "room-*")

_FIELDS: Final[Mapping[str, list[dict[str, Any]]]] = {
    "rtc": [
        *({"channel": channel, "uid": 7} for channel in _CHANNELS),
        *({"channel": channel, "uid": 0, "role": "publisher"} for channel in _CHANNELS),
        *({"channel": "room-1", "account": account} for account in ("ann", "u1", "*", "0", "7", "", "u*")),
        *({"channel": "room-1", "role": role} for role in ("publisher", "subscriber")),
        *(
            {"channel": "room-1", "uid": 7, "privileges": privileges}
            for privileges in ({"join": 60}, {"data": 60}, {"join": 301}, {"join": 60, "data": 60}, {})
        ),
        *({"channel": "room-1", "uid": uid} for uid in (uid_of("ann"), screen_uid_of("ann"))),
        {"channel": "room-1", "uid": 7, "account": "7"},
        {"channel": "room-1", "uid": 7, "role": "publisher", "privileges": {"join": 60}},
    ],
    "rtm": [
        *({"user": user} for user in ("ann", "7", "*", "u1")),
        *({"user": "ann", "channel": channel, "role": "subscriber"} for channel in ("room", "room-1", "*")),
        *({"user": "ann", "channel": channel} for channel in ("room", "room-1", "*")),
        {},
        {"channel": "room-1"},
        {"user": "ann", "role": "publisher"},
    ],
    "chat": [{"user": "ann"}, {"user": "7"}, {}, {"app": True}, {"app": True, "user": "ann"}],
    "any": [
        {"services": [{"name": "call", "user": "ann", "channel": "room-1", "privileges": {"listen": None}}]},
        {"services": [{"name": "call", "user": "ann", "channel": "room", "privileges": {"listen": None, "x": None}}]},
        {"services": [{"name": "room", "user": True, "channel": True, "privileges": {"direct": None}}]},
        {"services": [{"name": "room"}, {"name": "login", "user": False, "derived": "d"}], "title": "Ann"},
        {"services": [{"name": "feed", "channel": "room-1", "more_channels": ["room-2", "a*"]}], "level": 2},
        {"services": [{"name": "guest_call", "user": False, "channel": "room"}], "config": True},
        {"services": [{"name": "agent"}, {"name": "relay", "channel": "room", "more_users": ["ann"]}]},
        {"services": [{"name": "tool"}], "user": "ann"},
    ],
    "plain": [
        {"services": [{"name": "call", "user": "a*", "channel": "*", "privileges": {"speak": None}}]},
        {"services": [{"name": "room", "user": True, "channel": "room"}]},
    ],
}
REQUESTS: Final = [
    TokenRequest(kind, fields, ttl)
    for kind, several in _FIELDS.items()
    for fields in several
    for ttl in ((None, 60) if kind == "chat" else (None, 59, 300, 3600, 3601) if fields.get("uid") == 7 else (None,))
]

_OTHERS: Final = ("*-{claims.org}", "a*b", "*-1", "**")
_IDS: Final = ("{claims.sub|uid}", "{claims.sub|screen_uid}")
CAPABILITIES: Final = (*BUILT_IN, "moderate", "dispatch")
KINDS: Final[Sequence[tuple[str, ...]]] = [
    ("rtc", "rtm", "chat", "any", "plain"),
    *(("rtc", "rtm"), ("rtc", "any"), ("rtc",), ("rtm",), ("chat",), ("any",), ("any", "plain")),
]
ROLES: Final[Sequence[tuple[str, ...] | None]] = [
    *(None,) * 8,
    *((), ("subscriber",), ("publisher",), ("publisher", "subscriber"), ("host", "subscriber")),
]
_TITLES: Final = ("Ann", "A*", "*", "{claims.sub}", "{claims.org}-*", ["Ann", "Bob"], ["B*", 2])
RULE: Final[Mapping[str, Sequence[Any]]] = {
    "kinds": [*(KINDS[0],) * 12, *KINDS],
    "channel": [*(None,) * 5, *("*",) * 4, "room", *("room-*",) * 3, "{claims.org}-*", *_OTHERS],
    "user": [*(None,) * 5, *("*",) * 5, "7", "7", "ann", "0", "u*", "{claims.sub}", "{claims.sub}-*", *_IDS],
    "roles": ROLES,
    "capabilities": [
        (),
        *(CAPABILITIES,) * 20,
        *((capability,) for capability in CAPABILITIES),
        *(tuple(other for other in CAPABILITIES if other != capability) for capability in CAPABILITIES),
    ],
    "fields": [
        *({},) * 20,
        *({"title": title} for title in (*_TITLES, True, False)),
        *({"level": level} for level in (2, [1, 2], "2", True, False)),
        *({"config": config} for config in (True, False, "*")),
        {"title": "Ann", "level": 2},
        {"role": "publisher"},
    ],
    "when": [*({},) * 16, {"role": "host"}, {"n": 1}, {"n": True}, {"role": "host", "n": 1}],
    "max_ttl": [*(None,) * 8, 60, 300, 30],
}
"""One value of each key."""
RESTRICTION: Final[Mapping[str, Sequence[Any]]] = {
    "kinds": [*(None,) * 12, *KINDS],
    "channel": [None, None, None, None, "*", "*", "room", "room-*", "room-1", "{claims.org}-*"],
    "user": [None, None, None, None, "*", "*", "7", "u*", "ann"],
    "roles": ROLES,
    "max_ttl": [None, None, None, None, 60, 300],
}
CLAIMS: Final[Mapping[str, Sequence[Any]]] = {
    "sub": ["", "ann", "*", "7", "a*b", "0", "u-1", 7, True, None, ["ann"]],
    "org": ["acme", "acme-eu", "room", "*", "", 7],
    "role": ["host", ["guest", "host"], "guest", []],
    "n": [1, True, 1.0, "1", [1], [True]],
}
"""Each may be left out."""

Choices = Mapping[str, Any]
_NAMES: Final = ("call", "call", "hall", "login", "feed", "room", "desk", "relay", "tool", "agent", "guest_call")
_USERS: Final = ("ann", "7", "u1", "*", "u*", True, False, False, None)
_ROOMS: Final = ("room", "room-1", "room-1", "acme-1", "*", "room-*", True, None)
_FURTHER: Final[Sequence[list[str]]] = [[], [], [], ["ann"], ["7", "u*"], ["room-1"], ["room-1", "acme-1"], ["*"]]
_PRIVILEGES: Final = ("listen", "listen", "speak", "direct", "mute_others", "log_in", "administer")
_HAS_USER: Final = frozenset({"call", "hall", "login", "guest_call"})
_HAS_CHANNEL: Final = frozenset({"call", "feed", "relay", "guest_call"})
_NO_USER: Final = frozenset({"relay", "tool", "agent"})
_NO_CHANNEL: Final = frozenset({"login", "desk", "agent"})
TEXTS: Final = ("room", "room-1", "acme-1", "axb", "ab", "ann", "7", "u1", "", "*", "a*b", "0", "room-*")


def choices(source: random.Random, values: Mapping[str, Sequence[Any]]) -> Choices:
    """One value of each key."""
    return {key: source.choice(several) for key, several in values.items()}


def random_request(source: random.Random) -> TokenRequest:
    """One of REQUESTS, or one of random parts, right or wrong."""
    if source.random() < 0.3:
        return source.choice(REQUESTS)
    kind = source.choice(("rtc", "rtm", "chat", "any", "any", "any", "plain"))
    fields: dict[str, Any] = {}
    if kind == "rtc":
        fields["channel"] = source.choice(TEXTS)
        fields |= source.choice(({}, {"uid": source.choice((0, 1, 7))}, {"account": source.choice(TEXTS)}))
        privileges = {name: source.choice((60, 301, 3600)) for name in source.sample(("join", "audio", "data"), 2)}
        fields |= source.choice(({}, {"role": "publisher"}, {"role": "subscriber"}, {"privileges": privileges}))
    elif kind == "rtm":
        fields = {"user": source.choice(("ann", "7", "u1", "*", "u*"))} if source.random() < 0.8 else {}
        fields |= source.choice(({}, {"channel": source.choice(("room", "room-1", "acme-1", "*"))}))
        fields |= source.choice(({}, {"role": "subscriber"}, {"role": "publisher"}))
    elif kind == "chat":
        fields = source.choice(({"user": "ann"}, {"user": "7"}, {}, {"app": True}, {"app": True, "user": "7"}))
    else:
        fields = _random_fields(source)
    return TokenRequest(kind, fields, source.choice((*(None,) * 6, 59, 60, 60, 300, 301, 3600, 3601)))


def _random_fields(source: random.Random) -> dict[str, Any]:
    fields: dict[str, Any] = {"services": [_random_service(source) for _ in range(source.choice((1, 1, 1, 1, 2, 3)))]}
    details = {
        "user": source.choice(("ann", "7", "u1", None)),
        "title": source.choice(("Ann", "Bob", "acme-1", None, "A*")),
        "level": source.choice((1, 2, 7, None)),
        "config": source.choice((True, False, None)),
    }
    return fields | {name: value for name, value in details.items() if source.random() < 0.2}


def _random_service(source: random.Random) -> dict[str, Any]:
    """A service, mostly as it is declared."""
    name = source.choice(_NAMES)
    user, channel = source.choice(_USERS), source.choice(_ROOMS)
    if source.random() < 0.98:
        user = None if name in _NO_USER else "ann" if user is None and name in _HAS_USER else user
        channel = None if name in _NO_CHANNEL else "room" if channel is None and name in _HAS_CHANNEL else channel
    service: dict[str, Any] = {"name": name, "user": user, "channel": channel}
    if source.random() < 0.2:
        service |= {"more_users": source.choice(_FURTHER), "more_channels": source.choice(_FURTHER)}
    if source.random() < 0.1:
        service["derived"] = source.choice(("d1", "d*", "ann"))
    privileges = source.sample(_PRIVILEGES, source.choice((0, 1, 1, 2)))
    service["privileges"] = dict.fromkeys(privileges, source.choice((None, None, None, None, 60, 301)))
    if source.random() < 0.02:
        service["privileges"] |= source.choice(({"publish_all": None}, {"listen": -1}, {"app:administer": 60}))
    if source.random() < 0.02:
        service |= source.choice(({"secret": True}, {"name": "other"}, {"channel": ""}, {"more_users": [""]}))
    return service


def _backends() -> dict[str, Backend]:
    return {**backends(), "any": AnyKind(NoOptions(), CREDENTIALS), "plain": PlainKind(NoOptions(), CREDENTIALS)}


BACKENDS: Final = _backends()


def app_of(rules: Sequence[Choices]) -> App:
    """An app with these rules; a rule is named after its index."""
    written = []
    for index, chosen in enumerate(rules):
        when = {f"claims.{name}": value for name, value in chosen["when"].items()}
        written.append(rule(**{**chosen, "when": when or None, "name": str(index)}))
    return app(*written, built=BACKENDS)


def caller_of(claims: Mapping[str, Any], restrictions: Sequence[Choices] = ()) -> Caller:
    """A caller with these claims and restrictions."""
    restricted = []
    for chosen in restrictions:
        sets = {key: None if chosen[key] is None else frozenset(chosen[key]) for key in ("kinds", "roles")}
        restricted.append(
            Restriction("url", sets["kinds"], chosen["channel"], chosen["user"], sets["roles"], chosen["max_ttl"])
        )
    return Caller(CALLER.name, claims, tuple(restricted))


def permit_of(of: App, caller: Caller, token_request: TokenRequest) -> Permit | None:
    """The permit; None if there is none."""
    try:
        return decide(of, OPTIONS, caller, token_request)
    except ApiError:
        return None


def as_reference(permit: Permit | None) -> Granted | None:
    """A permit in the terms of the reference."""
    if permit is None:
        return None
    users = {"uid": "user", "account": "user"}
    filled = {users.get(name, name): str(value) for name, value in permit.filled.items()}
    return Granted(int(permit.rule), permit.grant.ttl, filled)
