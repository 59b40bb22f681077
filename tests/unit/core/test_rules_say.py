"""The sentences of the design's chapter on rules, each a test; lifetimes and templates have files of their own."""

import pytest

from tests.unit.issuing.making import (
    APP_ID,
    CALLER,
    app,
    backends,
    code_of,
    permitted,
    refused,
    rtc,
    rule,
    signed_in,
    unmet,
)
from tokend.core.declarations import APP_ADMIN, CAPABILITIES, WILDCARD_CHANNEL, WILDCARD_USER
from tokend.core.errors import Code
from tokend.core.model import Caller, Grant, Service, TokenRequest
from tokend.core.reach import reach_of
from tokend.core.rules import BoundRule, bind, unmet_requirements

_ALL_WILDCARDS = ("wildcard_user", "wildcard_channel")


def test_no_rule_no_token() -> None:
    api_error = refused(app(), rtc())
    assert (api_error.code, api_error.status) == (Code.NOT_PERMITTED, 403)


def test_a_caller_without_rules_of_its_own_gets_no_token_by_anothers() -> None:
    assert code_of(app(rule()), rtc(), Caller("stranger")) is Code.NOT_PERMITTED


def test_the_empty_rule_permits_any_named_channel_user_and_role() -> None:
    for token_request in (
        rtc(),
        rtc(role="publisher"),
        rtc(uid=None, account="ann"),
        TokenRequest("rtm", {"user": "ann", "channel": "stage"}),
    ):
        assert code_of(app(rule()), token_request) is None


def test_the_empty_rule_names_no_capabilities() -> None:
    of = app(rule())
    for token_request in (
        rtc("*"),
        rtc(""),
        rtc("room-*"),
        rtc(uid=0),
        rtc(uid=None, account="*"),
        TokenRequest("chat", {"app": True}),
    ):
        assert code_of(of, token_request) is Code.CAPABILITY_REQUIRED


def test_kinds_must_hold_the_asks_kind() -> None:
    assert code_of(app(rule(kinds=["rtm"])), rtc()) is Code.NOT_PERMITTED


def test_kinds_must_hold_the_kind_of_every_service() -> None:
    stream = TokenRequest("rtm", {"user": "ann", "channel": "stage"})
    assert code_of(app(rule(kinds=["rtm"])), stream) is Code.NOT_PERMITTED
    assert code_of(app(rule(kinds=["rtm", "rtc"])), stream) is None
    assert code_of(app(rule(kinds=["rtc"])), stream) is Code.NOT_PERMITTED


def test_a_kind_that_the_app_lacks_is_a_bad_ask() -> None:
    api_error = refused(app(rule(kinds=["turn"])), TokenRequest("turn", {}))
    assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, None)


@pytest.mark.parametrize(
    ("channel", "fits", "misses"),
    [
        ("room", ["room"], ["Room", "room1", "aroom", "roo"]),
        ("room-*", ["room-1", "room-*-"], ["room-", "room", "xroom-1", "ROOM-1"]),
        ("*-room", ["a-room", "--room"], ["-room", "room", "a-room2"]),
        ("a*b*c", ["a1b2c", "abbbc"], ["abc", "a1bc", "ab2c", "a1b2c3"]),
        ("a.c", ["a.c"], ["abc"]),
        ("[ab]?", ["[ab]?"], ["a", "ab"]),
    ],
)
def test_a_star_is_one_or_more_characters_and_nothing_else_is_special(
    channel: str, fits: list[str], misses: list[str]
) -> None:
    of = app(rule(channel, capabilities=["wildcard_channel"]))
    assert [one for one in fits if code_of(of, rtc(one)) is not None] == []
    assert [one for one in misses if code_of(of, rtc(one)) is None] == []


def test_channel_user_and_role_must_fit() -> None:
    of = app(rule("room-*", "7", roles=["subscriber"]))
    assert code_of(of, rtc("room-1", 7)) is None
    for token_request in (rtc("lobby", 7), rtc("room-1", 8), rtc("room-1", 7, role="publisher")):
        assert code_of(of, token_request) is Code.NOT_PERMITTED


def test_every_role_of_a_token_must_fit() -> None:
    services = (Service("rtc", "7", "a", {"join": 60}), Service("rtc", "7", "b", {"publish_audio": 60}))
    grant = Grant(APP_ID, "007", 60, services)
    reach = reach_of(grant, backends()["rtc"].declarations)
    for roles, fits in ((["subscriber"], False), (["publisher"], False), (["publisher", "subscriber"], True)):
        written = rule(roles=roles)
        filled = bind(written, "rtc", CALLER)
        assert isinstance(filled, BoundRule)
        assert (unmet_requirements(written, filled, grant, reach).sentences == ()) is fits


def test_a_login_without_a_role_fits_any_roles() -> None:
    assert code_of(app(rule("room-*", "ann", roles=["subscriber"])), TokenRequest("rtm", {"user": "ann"})) is None


def test_an_administrator_without_a_user_is_no_user_of_a_rule() -> None:
    administrator = TokenRequest("chat", {"app": True})
    assert code_of(app(rule(user="ann", capabilities=["app_admin"])), administrator) is Code.NOT_PERMITTED
    assert code_of(app(rule(user="*", capabilities=["app_admin"])), administrator) is None
    assert code_of(app(rule(capabilities=["app_admin"])), administrator) is None


def test_rules_never_add_up() -> None:
    of = app(
        rule("room-a", roles=["publisher"], name="one"),
        rule("room-b", roles=["subscriber"], name="two"),
        rule("room-b", capabilities=["wildcard_user"], roles=["publisher"], user="x*", name="three"),
    )
    assert code_of(of, rtc("room-a", role="publisher")) is None
    assert code_of(of, rtc("room-b", role="publisher")) is Code.NOT_PERMITTED
    assert code_of(of, rtc("room-b", 0, role="subscriber")) is Code.CAPABILITY_REQUIRED


def test_the_first_rule_that_fits_is_the_one() -> None:
    of = app(rule("other", name="one"), rule("room", name="two"), rule(name="three"))
    assert permitted(of, rtc("room")).rule == "two"


def test_capabilities_add_up_within_one_rule_only() -> None:
    of = app(rule(capabilities=["wildcard_user"]), rule(capabilities=["wildcard_channel"]))
    assert code_of(of, rtc("*", 0)) is Code.CAPABILITY_REQUIRED
    assert code_of(app(rule(capabilities=_ALL_WILDCARDS)), rtc("*", 0)) is None


@pytest.mark.parametrize(
    ("token_request", "capability"),
    [
        (rtc(uid=0), WILDCARD_USER),
        (rtc(uid=None, account=""), WILDCARD_USER),
        (rtc(uid=None, account="1*a*2"), WILDCARD_USER),
        (rtc(""), WILDCARD_CHANNEL),
        (rtc("*"), WILDCARD_CHANNEL),
        (rtc("room-*"), WILDCARD_CHANNEL),
        (TokenRequest("rtm", {"user": "*"}), WILDCARD_USER),
        (TokenRequest("rtm", {"user": "ann", "channel": "st*", "role": "subscriber"}), WILDCARD_CHANNEL),
        (TokenRequest("chat", {"app": True}), APP_ADMIN),
    ],
)
def test_a_wildcard_needs_its_capability_and_no_other(token_request: TokenRequest, capability: str) -> None:
    others = [other for other in CAPABILITIES if other != capability]
    assert code_of(app(rule(capabilities=others)), token_request) is Code.CAPABILITY_REQUIRED
    assert f"capability {capability} is not named" in unmet(app(rule(capabilities=others)), token_request)
    assert code_of(app(rule(capabilities=[capability])), token_request) is None
    assert code_of(app(rule("*", "*", capabilities=[capability])), token_request) is None


def test_a_pattern_must_match_the_text_of_a_wildcard() -> None:
    of = app(rule("room-*", "x*", capabilities=_ALL_WILDCARDS))
    assert code_of(of, rtc("room-*", None, account="x*")) is None
    for token_request in (
        rtc("*", None, account="x1"),
        rtc("", None, account="x1"),
        rtc("room-1", 0),
        rtc("r*", None, account="x1"),
    ):
        assert code_of(of, token_request) is Code.NOT_PERMITTED


def test_publishing_with_a_wildcard_needs_wildcard_publish() -> None:
    for token_request in (
        rtc("*", role="publisher"),
        rtc(uid=0, role="publisher"),
        rtc("*", privileges={"join": 60, "data": 60}),
    ):
        assert code_of(app(rule(capabilities=_ALL_WILDCARDS)), token_request) is Code.CAPABILITY_REQUIRED
        assert code_of(app(rule(capabilities=[*_ALL_WILDCARDS, "wildcard_publish"])), token_request) is None


def test_a_single_user_fills_an_ask_that_names_none_and_the_permit_says_which() -> None:
    permit = permitted(app(rule(user="7")), rtc(uid=None))
    assert (permit.grant.services[0].user, permit.filled) == ("7", {"uid": 7})
    assert permit.backend.filled("7") == {"uid": 7}
    assert permit.backend.filled("ann") == {"account": "ann"}
    assert permit.backend.filled("0") == {"account": "0"}
    assert permitted(app(rule(user="ann")), TokenRequest("rtm", {})).backend.filled("ann") == {"user": "ann"}


def test_a_user_that_the_ask_names_is_not_replaced() -> None:
    assert permitted(app(rule(user="7")), rtc(uid=7)).filled == {}
    assert code_of(app(rule(user="7")), rtc(uid=8)) is Code.NOT_PERMITTED


def test_a_filled_user_that_the_kind_cannot_take_is_refused() -> None:
    api_error = refused(app(rule(user="Ann Lee")), TokenRequest("chat", {}))
    assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, "user")


@pytest.mark.parametrize("user", ["*", "user-*", None])
def test_several_possible_users_fill_nothing_in(user: str | None) -> None:
    api_error = refused(app(rule(user=user)), rtc(uid=None))
    assert (api_error.code, api_error.status, api_error.field) == (Code.INVALID_FIELD, 400, "uid")


def test_the_user_of_the_claims_fills_the_ask() -> None:
    permit = permitted(app(rule(user="{claims.sub}")), rtc(uid=None), signed_in(sub="ann"))
    assert permit.filled == {"account": "ann"}


@pytest.mark.parametrize(
    ("wanted", "claim", "holds"),
    [
        ("host", "host", True),
        ("host", "Host", False),
        ("host", ["guest", "host"], True),
        ("host", ["guest"], False),
        ("host", [], False),
        ("host", "hosts", False),
        (["host", "owner"], "owner", True),
        (["host", "owner"], ["guest", "owner"], True),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        (1, 1, True),
        (1, 1.0, False),
        (1, "1", False),
        ("1", 1, False),
        (True, "true", False),
        ("host", {"host": True}, False),
        ("host", None, False),
    ],
)
def test_when_is_equal_or_contained_in_a_list_and_strict_about_types(
    wanted: object, claim: object, holds: bool
) -> None:
    of = app(rule(when={"claims.roles": wanted}))
    assert (code_of(of, rtc(), signed_in(roles=claim)) is None) is holds
    if not holds:
        assert "when: claims.roles is not" in unmet(of, rtc(), signed_in(roles=claim))


def test_every_line_of_when_must_hold_and_missing_claims_do_not() -> None:
    of = app(rule(when={"claims.role": "host", "claims.org.id": 7}))
    assert code_of(of, rtc(), signed_in(role="host", org={"id": 7})) is None
    assert code_of(of, rtc(), signed_in(role="host", org={"id": 8})) is Code.NOT_PERMITTED
    assert code_of(of, rtc(), signed_in(role="host")) is Code.NOT_PERMITTED
    assert code_of(of, rtc(), CALLER) is Code.NOT_PERMITTED


def test_the_nearest_miss_is_told() -> None:
    """A bad ask before a lacking capability, a lacking capability before the rest."""
    powerless, elsewhere = rule(), rule("elsewhere")
    assert code_of(app(elsewhere, powerless), rtc(uid=0)) is Code.CAPABILITY_REQUIRED
    assert "wildcard_user" in refused(app(elsewhere, powerless), rtc(uid=0)).sentence
    assert code_of(app(rule("elsewhere", "7"), powerless), rtc(uid=None)) is Code.INVALID_FIELD
