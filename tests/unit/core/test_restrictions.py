"""What narrows a caller (a signed URL, an authorizer) holds besides its rules, and never adds to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.issuing.making import app, permitted, rtc, rule
from tokend.core.errors import Code, Refusal
from tokend.core.model import Ask, Caller, Narrowing
from tokend.issuing.configuration import App
from tokend.issuing.issuer import Terms, decide, explain

_POWERS = ("wildcard_user", "wildcard_channel", "wildcard_publish", "app_admin")


def _code(of: App, ask: Ask, narrowing: Narrowing) -> Code | None:
    try:
        decide(of, Terms(), Caller("web", {}, (narrowing,)), ask)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    "narrowing",
    [
        Narrowing("url 1", channel="lobby-*"),
        Narrowing("url 1", user="8"),
        Narrowing("url 1", kinds=frozenset({"rtm"})),
        Narrowing("url 1", roles=frozenset({"subscriber"})),
        Narrowing("url 1", max_ttl=599),
    ],
)
def test_each_part_of_a_narrowing_refuses_what_lies_outside(narrowing: Narrowing) -> None:
    of = app(rule())
    ask = rtc("room", uid=7, role="publisher", ttl=600)
    assert _code(of, ask, Narrowing("url 1")) is None
    assert _code(of, ask, narrowing) is Code.NOT_PERMITTED


def test_a_narrowing_never_adds_to_the_rules() -> None:
    of = app(rule(channel="lobby-*"))
    assert _code(of, rtc("room"), Narrowing("url 1", channel="room")) is Code.NOT_PERMITTED


def test_a_narrowing_to_one_user_fills_an_ask_without_one() -> None:
    permit = permitted(app(rule()), rtc(uid=None), Caller("web", {}, (Narrowing("url 1", user="7"),)))
    assert permit.grant.services[0].user == "7"
    assert permit.filled_user == "7"


def test_a_narrowed_ttl_is_the_default_of_an_ask_without_one() -> None:
    permit = permitted(app(rule()), rtc(), Caller("web", {}, (Narrowing("url 1", max_ttl=120),)))
    assert permit.grant.ttl == 120


def test_wildcards_do_not_fit_a_narrowing_that_names_something() -> None:
    of = app(rule(powers=_POWERS))
    assert _code(of, rtc("room", uid=0), Narrowing("url 1", channel="room")) is None
    assert _code(of, rtc("room", uid=0), Narrowing("url 1", user="7")) is Code.NOT_PERMITTED
    assert _code(of, rtc("*", uid=7), Narrowing("url 1", channel="room")) is Code.NOT_PERMITTED


def test_what_is_narrowed_never_administers_the_app() -> None:
    of = app(rule(powers=_POWERS))
    assert _code(of, Ask("chat", {"app": True}), Narrowing("url 1", channel="room")) is Code.NOT_PERMITTED


def test_explain_names_what_narrowed() -> None:
    caller = Caller("web", {}, (Narrowing("url 1", channel="lobby"),))
    told = explain(app(rule()), Terms(), caller, rtc("room"))
    assert told.trials[0].lacked == ('url 1: channel "room" does not match "lobby"',)


@given(
    channel=st.sampled_from(["a", "b", "ab"]),
    narrowing=st.builds(
        Narrowing,
        source=st.just("x"),
        kinds=st.none() | st.frozensets(st.sampled_from(["rtc", "rtm"])),
        channel=st.none() | st.sampled_from(["a", "a*", "*", "b"]),
        user=st.none() | st.sampled_from(["7", "*", "8"]),
        roles=st.none() | st.frozensets(st.sampled_from(["publisher", "subscriber"])),
        max_ttl=st.none() | st.integers(60, 7200),
    ),
    written=st.none() | st.sampled_from(["a", "a*", "b*"]),
)
def test_whatever_is_permitted_when_narrowed_is_permitted_without(
    channel: str, narrowing: Narrowing, written: str | None
) -> None:
    of = app(rule(written))
    ask = rtc(channel, uid=7, ttl=600)
    if _code(of, ask, narrowing) is None:
        assert _code(of, ask, Narrowing("nothing")) is None
