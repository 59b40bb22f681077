"""What random rules, restrictions, claims and asks are made of: few texts, so that they often meet, and the odd ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.unit.core.reference_rules import Bounds, Granted
from tests.unit.issuing.making import CALLER, app, route_options, rule
from tokend.core.errors import ApiError
from tokend.core.model import Caller, Restriction, TokenRequest
from tokend.core.patterns import screen_uid_of, uid_of
from tokend.core.reach import Capability
from tokend.issuing.app_options import TtlBounds
from tokend.issuing.configuration import App
from tokend.issuing.issuer import Permit, decide

TERMS: Final = route_options(TtlBounds.of(600, 60, 3600))
BOUNDS: Final = Bounds(600, 60, 3600)
_CHANNELS: Final = ("room", "room-1", "acme-1", "acme-eu-1", "axb", "ab", "*", "", "room-*")

_FIELDS: Final[Mapping[str, list[dict[str, Any]]]] = {
    "rtc": [
        *({"channel": channel, "uid": 7} for channel in _CHANNELS),
        *({"channel": channel, "uid": 0, "role": "publisher"} for channel in _CHANNELS),
        *({"channel": "room-1", "account": one} for one in ("ann", "u1", "*", "0", "7", "", "u*")),
        *({"channel": "room-1", "role": role} for role in ("publisher", "subscriber")),
        *(
            {"channel": "room-1", "uid": 7, "privileges": one}
            for one in ({"join": 60}, {"data": 60}, {"join": 301}, {})
        ),
        *({"channel": "room-1", "uid": one} for one in (uid_of("ann"), screen_uid_of("ann"))),
        {"channel": "room-1", "uid": 7, "account": "7"},
        {"channel": "room-1", "uid": 7, "role": "publisher", "privileges": {"join": 60}},
    ],
    "rtm": [
        *({"user": one} for one in ("ann", "7", "*", "u1")),
        *({"user": "ann", "channel": one, "role": "subscriber"} for one in ("room", "room-1", "*")),
        *({"user": "ann", "channel": one} for one in ("room", "room-1", "*")),
        {},
        {"channel": "room-1"},
        {"user": "ann", "role": "publisher"},
    ],
    "chat": [{"user": "ann"}, {"user": "7"}, {}, {"app": True}, {"app": True, "user": "ann"}],
}
ASKS: Final = [
    TokenRequest(kind, fields, ttl)
    for kind, several in _FIELDS.items()
    for fields in several
    for ttl in ((None, 60) if kind == "chat" else (None, 59, 300, 3600, 3601) if fields.get("uid") == 7 else (None,))
]

_OTHERS: Final = ("*-{claims.org}", "a*b", "*-1", "**")
_IDS: Final = ("{claims.sub|uid}", "{claims.sub|screen_uid}")
POWERS: Final = tuple(Capability)
KINDS: Final[Sequence[tuple[str, ...]]] = [("rtc", "rtm", "chat"), ("rtc", "rtm"), ("rtc",), ("rtm",), ("chat",)]
ROLES: Final[Sequence[tuple[str, ...] | None]] = [
    *(None, None, None, (), ("subscriber",), ("publisher",), ("publisher", "subscriber")),
]
RULE: Final[Mapping[str, Sequence[Any]]] = {
    "kinds": [KINDS[0], KINDS[0], *KINDS],
    "channel": [None, None, None, "*", "*", "room-*", "room", "room-*", "{claims.org}-*", *_OTHERS],
    "user": [None, None, None, "*", "*", "7", "7", "0", "u*", "{claims.sub}", "{claims.sub}-*", *_IDS],
    "roles": ROLES,
    "capabilities": [
        (),
        POWERS,
        POWERS,
        POWERS,
        POWERS,
        *((one,) for one in Capability),
        *(POWERS[:one] + POWERS[one + 1 :] for one in range(4)),
    ],
    "when": [{}, {}, {}, {}, {}, {}, {"role": "host"}, {"n": 1}, {"n": True}, {"role": "host", "n": 1}],
    "max_ttl": [None, None, 60, 300],
}
"""Of each key one."""
NARROWING: Final[Mapping[str, Sequence[Any]]] = {
    "kinds": [None, None, *KINDS],
    "channel": [None, None, "*", "room", "room-*", "room-1", "{claims.org}-*"],
    "user": [None, None, "*", "7", "u*", "ann"],
    "roles": ROLES,
    "max_ttl": [None, None, 60, 300],
}
CLAIMS: Final[Mapping[str, Sequence[Any]]] = {
    "sub": ["", "ann", "*", "7", "a*b", "0", "u-1", 7, True, None, ["ann"]],
    "org": ["acme", "acme-eu", "room", "*", "", 7],
    "role": ["host", ["guest", "host"], "guest", []],
    "n": [1, True, 1.0, "1", [1], [True]],
}
"""Each may be left out."""

Part = Mapping[str, Any]


def app_of(rules: Sequence[Part]) -> App:
    """An app with these rules; a rule is named after its index."""
    made = []
    for index, one in enumerate(rules):
        when = {f"claims.{name}": wanted for name, wanted in one["when"].items()}
        made.append(rule(**{**one, "when": when, "name": str(index)}))
    return app(*made)


def caller_of(claims: Mapping[str, Any], restrictions: Sequence[Part] = ()) -> Caller:
    """A caller with these claims, so restricted."""
    made = []
    for one in restrictions:
        sets = {key: None if one[key] is None else frozenset(one[key]) for key in ("kinds", "roles")}
        made.append(Restriction("url", sets["kinds"], one["channel"], one["user"], sets["roles"], one["max_ttl"]))
    return Caller(CALLER.name, claims, tuple(made))


def permit_of(of: App, caller: Caller, token_request: TokenRequest) -> Permit | None:
    """The permit; None if there is none."""
    try:
        return decide(of, TERMS, caller, token_request)
    except ApiError:
        return None


def told(permit: Permit | None) -> Granted | None:
    """A permit in the words of the reference."""
    return None if permit is None else Granted(int(permit.rule), permit.grant.ttl, permit.filled_user)
