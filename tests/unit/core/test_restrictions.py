"""What restricts a caller (a signed URL, an authorizer) holds besides its rules, and never adds to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.issuing.making import app, permitted, route_options, rtc, rule
from tokend.core.errors import ApiError, Code
from tokend.core.model import Caller, Restriction, TokenRequest
from tokend.issuing.configuration import App
from tokend.issuing.policy import decide, explain

_POWERS = ("wildcard_user", "wildcard_channel", "wildcard_publish", "app_admin")


def _code(of: App, token_request: TokenRequest, restriction: Restriction) -> Code | None:
    try:
        decide(of, route_options(), Caller("web", {}, (restriction,)), token_request)
    except ApiError as api_error:
        return api_error.code
    return None


@pytest.mark.parametrize(
    "restriction",
    [
        Restriction("url 1", channel="lobby-*"),
        Restriction("url 1", user="8"),
        Restriction("url 1", kinds=frozenset({"rtm"})),
        Restriction("url 1", roles=frozenset({"subscriber"})),
        Restriction("url 1", max_ttl=599),
    ],
)
def test_each_part_of_a_narrowing_refuses_what_lies_outside(restriction: Restriction) -> None:
    of = app(rule())
    token_request = rtc("room", uid=7, role="publisher", ttl=600)
    assert _code(of, token_request, Restriction("url 1")) is None
    assert _code(of, token_request, restriction) is Code.NOT_PERMITTED


def test_a_narrowing_never_adds_to_the_rules() -> None:
    of = app(rule(channel="lobby-*"))
    assert _code(of, rtc("room"), Restriction("url 1", channel="room")) is Code.NOT_PERMITTED


def test_a_narrowing_to_one_user_fills_an_ask_without_one() -> None:
    permit = permitted(app(rule()), rtc(uid=None), Caller("web", {}, (Restriction("url 1", user="7"),)))
    assert permit.grant.services[0].user == "7"
    assert permit.filled == {"uid": 7}


def test_a_narrowed_ttl_is_the_default_of_an_ask_without_one() -> None:
    permit = permitted(app(rule()), rtc(), Caller("web", {}, (Restriction("url 1", max_ttl=120),)))
    assert permit.grant.ttl == 120


def test_wildcards_do_not_fit_a_narrowing_that_names_something() -> None:
    of = app(rule(capabilities=_POWERS))
    assert _code(of, rtc("room", uid=0), Restriction("url 1", channel="room")) is None
    assert _code(of, rtc("room", uid=0), Restriction("url 1", user="7")) is Code.NOT_PERMITTED
    assert _code(of, rtc("*", uid=7), Restriction("url 1", channel="room")) is Code.NOT_PERMITTED


def test_what_is_narrowed_never_administers_the_app() -> None:
    of = app(rule(capabilities=_POWERS))
    assert _code(of, TokenRequest("chat", {"app": True}), Restriction("url 1", channel="room")) is Code.NOT_PERMITTED


def test_explain_names_what_narrowed() -> None:
    caller = Caller("web", {}, (Restriction("url 1", channel="lobby"),))
    told = explain(app(rule()), route_options(), caller, rtc("room"))
    assert told.rule_results[0].unmet == ('url 1: channel "room" does not match "lobby"',)


@given(
    channel=st.sampled_from(["a", "b", "ab"]),
    restriction=st.builds(
        Restriction,
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
    channel: str, restriction: Restriction, written: str | None
) -> None:
    of = app(rule(written))
    token_request = rtc(channel, uid=7, ttl=600)
    if _code(of, token_request, restriction) is None:
        assert _code(of, token_request, Restriction("nothing")) is None
