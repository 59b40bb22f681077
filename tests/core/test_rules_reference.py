"""The rules against the naive model beside this file, on random rules and callers and many asks; and the invariants."""

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.making import CALLER, STAMP, app, rule, signed_in
from tests.core.reference_rules import Bounds, Granted, verdict
from tokend.issuer import Permit, Terms, decide, explain, mint
from tokend.model import Ask, Caller, Refusal
from tokend.scope import Power, scope
from tokend.setup import App, TtlBounds
from tokend.templates import screen_uid_of, uid_of

_TERMS: Final = Terms(TtlBounds(600, 60, 3600))
_BOUNDS: Final = Bounds(600, 60, 3600)
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
_ASKS: Final = [
    Ask(kind, fields, ttl)
    for kind, several in _FIELDS.items()
    for fields in several
    for ttl in ((None, 60) if kind == "chat" else (None, 59, 300, 3600, 3601) if fields.get("uid") == 7 else (None,))
]

_RULES: Final = st.fixed_dictionaries(
    {
        "kinds": st.sampled_from([("rtc", "rtm", "chat"), ("rtc", "rtm"), ("rtc",), ("rtm",), ("chat",)]),
        "channel": st.sampled_from(
            [None, None, "*", "room", "room-*", "{claims.org}-*", "*-{claims.org}", "a*b", "*-1", "**"]
        ),
        "user": st.sampled_from(
            [
                *(None, "*", "7", "0", "u*"),
                *("{claims.sub}", "{claims.sub}-*", "{claims.sub|uid}", "{claims.sub|screen_uid}"),
            ]
        ),
        "roles": st.sampled_from([None, None, (), ("subscriber",), ("publisher",), ("publisher", "subscriber")]),
        "powers": st.sampled_from([(), tuple(Power)]) | st.lists(st.sampled_from(list(Power)), unique=True).map(tuple),
        "when": st.sampled_from([{}, {}, {"role": "host"}, {"n": 1}, {"n": True}, {"role": "host", "n": 1}]),
        "max_ttl": st.sampled_from([None, None, 60, 300]),
    }
)
_CLAIMS: Final = st.fixed_dictionaries(
    {},
    optional={
        "sub": st.sampled_from(["", "ann", "*", "7", "a*b", "0", "u-1", 7, True, None, ["ann"]]),
        "org": st.sampled_from(["acme", "acme-eu", "room", "*", "", 7]),
        "role": st.sampled_from(["host", ["guest", "host"], "guest", []]),
        "n": st.sampled_from([1, True, 1.0, "1", [1], [True]]),
    },
)
_Rule = Mapping[str, Any]


def _app(rules: list[_Rule]) -> App:
    made = []
    for index, one in enumerate(rules):
        when = {f"claims.{name}": wanted for name, wanted in one["when"].items()}
        made.append(rule(**{**one, "when": when, "path": str(index)}))
    return app(*made)


def _permit(of: App, caller: Caller, ask: Ask) -> Permit | None:
    try:
        return decide(of, _TERMS, caller, ask)
    except Refusal:
        return None


@settings(max_examples=120, deadline=None)
@given(rules=st.lists(_RULES, max_size=3), claims=_CLAIMS)
def test_the_rules_say_what_the_naive_model_says(rules: list[_Rule], claims: dict[str, Any]) -> None:
    """Some 90 asks for each of the random rules and callers."""
    of, caller = _app(rules), signed_in(**claims)
    for ask in _ASKS:
        permit = _permit(of, caller, ask)
        told = None if permit is None else Granted(int(permit.rule), permit.grant.ttl, permit.filled_user)
        assert told == verdict(rules, claims, ask._asdict(), _BOUNDS), ask


@settings(max_examples=40, deadline=None)
@given(rules=st.lists(_RULES, max_size=3), claims=_CLAIMS)
def test_explain_agrees_with_decide(rules: list[_Rule], claims: dict[str, Any]) -> None:
    of, caller = _app(rules), signed_in(**claims)
    for ask in _ASKS:
        told, permit = explain(of, _TERMS, caller, ask), _permit(of, caller, ask)
        assert (told.refusal is None) == (permit is not None)
        assert told.caller == CALLER.name
        if permit is not None:
            assert told.trials[-1] == (permit.rule, ())
            assert told.gives["ttl"] == permit.grant.ttl
        assert all(trial.lacked for trial in told.trials[: -1 if permit else None])


@settings(max_examples=40, deadline=None)
@given(rules=st.lists(_RULES, min_size=1, max_size=2), claims=_CLAIMS, data=st.data())
def test_taking_a_permission_away_never_turns_a_refusal_into_a_token(
    rules: list[_Rule], claims: dict[str, Any], data: st.DataObject
) -> None:
    caller, before = signed_in(**claims), _app(rules)
    at = data.draw(st.integers(0, len(rules) - 1))
    taken = data.draw(
        st.sampled_from(
            [
                {"powers": rules[at]["powers"][1:]},
                {"kinds": rules[at]["kinds"][1:]},
                {"roles": ("subscriber",) if rules[at]["roles"] is None else rules[at]["roles"][1:]},
                {"max_ttl": 60},
                {"when": {"n": 1, **rules[at]["when"]}},
            ]
            + ([{"channel": "room-*"}] if rules[at]["channel"] in (None, "*") else [])
        )
    )
    fewer = [{**one, **taken} if index == at else one for index, one in enumerate(rules)]
    for after in (_app(fewer), _app(rules[:at] + rules[at + 1 :])):
        for ask in _ASKS:
            if _permit(after, caller, ask) is not None:
                assert _permit(before, caller, ask) is not None, ask


@settings(max_examples=40, deadline=None)
@given(rules=st.lists(_RULES, max_size=2), claims=_CLAIMS)
def test_a_wildcard_is_granted_only_where_asked_for_and_permitted(rules: list[_Rule], claims: dict[str, Any]) -> None:
    of, caller = _app(rules), signed_in(**claims)
    for ask in _ASKS:
        permit = _permit(of, caller, ask)
        if permit is None:
            continue
        reach = scope(permit.grant)
        assert reach.powers <= set(rules[int(permit.rule)]["powers"])
        asked = [str(one) for name, one in ask.fields.items() if name in ("channel", "account", "user")]
        if reach.powers & {Power.WILDCARD_USER, Power.WILDCARD_CHANNEL}:
            assert ask.fields.get("uid") == 0 or any(not one or "*" in one for one in asked)


@settings(max_examples=20, deadline=None)
@given(rules=st.lists(_RULES, min_size=1, max_size=2), claims=_CLAIMS)
def test_what_is_permitted_is_minted_as_granted(rules: list[_Rule], claims: dict[str, Any]) -> None:
    of, caller = _app(rules), signed_in(**claims)
    for ask in _ASKS:
        permit = _permit(of, caller, ask)
        if permit is not None:
            issued = mint(permit, STAMP)
            assert permit.backend.read(issued.token).grant == permit.grant == issued.grant
            assert issued.expires_at == STAMP.issued_at + permit.grant.ttl
