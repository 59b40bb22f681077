"""Asks that are refused before any rule: unknown fields with a hint, names of the client's own contract, version 006."""

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import CALLER, STAMP, app, code_of, permitted, refused, rtc, rule
from tokend.core.errors import Code, Refusal
from tokend.core.model import Ask
from tokend.dialects.contract import Issue
from tokend.issuing.configuration import TtlBounds
from tokend.issuing.issuer import Terms, issue, mint, unlimited

_STRICT_006 = Terms(strict_006=True)


@pytest.mark.parametrize(
    ("ask", "field", "told"),
    [
        (Ask("rtc", {"chanel": "room", "uid": 7}), "chanel", "is not a field of rtc, did you mean 'channel'?"),
        (Ask("chat", {"usr": "ann"}), "usr", "is not a field of chat, did you mean 'user'?"),
        (rtc(privileges={"joyn": 60}), "privileges.joyn", "is unknown, did you mean 'join'?"),
    ],
)
def test_a_misspelled_field_is_told_with_the_nearest(ask: Ask, field: str, told: str) -> None:
    refusal = refused(app(rule()), ask)
    assert (refusal.code, refusal.field, refusal.sentence) == (Code.UNKNOWN_FIELD, field, told)


def test_a_missing_field_and_one_of_another_type_name_the_field() -> None:
    assert refused(app(rule()), Ask("rtc", {"uid": 7})).detail == "channel is missing"
    assert refused(app(rule()), rtc(uid=None, account=7)).detail == "account must be text"
    assert refused(app(rule()), Ask("rtc", {"channel": "room", "uid": "7"})).detail == "uid must be a whole number"


def test_a_refusal_never_repeats_what_was_sent() -> None:
    for ask in (
        rtc("canary\n"),
        rtc(account="canary\n", uid=None),
        Ask("rtm", {"user": "canary\n"}),
        rtc(role="canary"),
    ):
        assert "canary" not in refused(app(rule()), ask).detail


async def test_fields_are_named_as_the_client_named_them() -> None:
    names = {"ttl": "expiry", "uid": "rtcuid"}
    for ask, field in ((rtc(ttl=1), "expiry"), (rtc(uid=2**32), "rtcuid"), (rtc("\n"), "channel")):
        with pytest.raises(Refusal) as caught:
            await issue(app(rule()), Terms(), CALLER, Issue((replace(ask, names=names),)), [STAMP])
        assert caught.value.field == field
        assert caught.value.detail.startswith(f"{field} ")
        assert refused(app(rule()), ask).code is caught.value.code


def test_a_version_006_ask_gives_a_006_token() -> None:
    permit = permitted(app(rule()), rtc(version="006"))
    assert permit.grant.format == "006"
    assert mint(permit, STAMP).token.startswith("006")


def test_a_006_token_holds_no_wildcard_channel_or_pattern() -> None:
    of = app(rule(powers=["wildcard_user", "wildcard_channel"]))
    for ask in (rtc("*", version="006"), rtc("", version="006"), rtc(uid=None, account="a*", version="006")):
        assert code_of(of, ask) is Code.INVALID_FIELD
    assert code_of(of, rtc(uid=0, version="006")) is None
    assert code_of(of, Ask("rtm", {"user": "ann", "channel": "stage", "version": "006"})) is Code.INVALID_FIELD


@pytest.mark.parametrize(
    ("ask", "is_refused"),
    [
        (rtc("room1", 23, version="006"), True),
        (rtc("room12", 3, version="006"), True),
        (rtc("room1", None, account="42", version="006"), True),
        (rtc("room", 23, version="006"), False),
        (rtc("room1x", 3, version="006"), False),
        (rtc("room1", None, account="ann", version="006"), False),
        (rtc("room1", 23), False),
        (Ask("rtm", {"user": "ann1", "version": "006"}), False),
    ],
)
def test_strict_006_refuses_a_digit_beside_a_numeric_uid(ask: Ask, is_refused: bool) -> None:
    of = app(rule())
    assert code_of(of, ask) is None
    if is_refused:
        refusal = refused(of, ask, terms=_STRICT_006)
        assert (refusal.code, refusal.field) == (Code.INVALID_FIELD, "channel")
    else:
        assert code_of(of, ask, terms=_STRICT_006) is None


def test_strict_006_holds_for_a_user_whom_the_rule_fills_in() -> None:
    assert code_of(app(rule(user="23")), rtc("room1", None, version="006"), terms=_STRICT_006) is Code.INVALID_FIELD


def test_the_operators_own_hand_needs_no_rule_but_keeps_to_the_limits() -> None:
    permit = unlimited(app(), Terms(TtlBounds(600, 60, 3600)), rtc("*", 0))
    assert (permit.grant.ttl, permit.rule) == (600, "(operator)")
    assert mint(permit, STAMP).rule == "(operator)"
    for ask in (rtc(ttl=3601), rtc(ttl=59), rtc("\n"), Ask("turn", {})):
        with pytest.raises(Refusal):
            unlimited(app(), Terms(TtlBounds(600, 60, 3600)), ask)
