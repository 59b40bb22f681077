"""A caller with many rules: a grant is made once for all that ask the same of it, and rules that cannot fit are not tried."""

from collections import Counter
from typing import Any

import pytest

from tests.unit.issuing.making import CREDENTIALS, app, backends, code_of, permitted, rtc, rule
from tokend.backends.agora.rtc import Rtc
from tokend.core.errors import Code
from tokend.core.model import Grant
from tokend.core.rules import Rule
from tokend.issuing.configuration import App

HALLS = [rule(f"hall-{number}-*", "*", name=f"hall {number}") for number in range(50)]
ROOM = rule("room-*", "*", name="room")


class Counting(Rtc):
    """Counts the grants that it is asked for, by their ttl (seconds) and user."""

    def __init__(self) -> None:
        super().__init__(Rtc.Options(), CREDENTIALS)
        self.grants: Counter[tuple[int, str | None]] = Counter()

    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        self.grants[ttl, user] += 1
        return super().grant(fields, ttl, user)


def counted(*rules: Rule) -> tuple[App, Counter[tuple[int, str | None]]]:
    backend = Counting()
    return app(*rules, built={**backends(), "rtc": backend}), backend.grants


def test_one_grant_serves_all_rules_that_ask_the_same() -> None:
    of, grants = counted(*HALLS, ROOM)
    assert permitted(of, rtc("room-1")).rule == "room"
    assert grants == {(3600, None): 1}


def test_another_max_ttl_or_user_is_another_grant() -> None:
    minute = [rule("a-*", "5", max_ttl=60), rule("b-*", "5", max_ttl=60)]
    of, grants = counted(*minute, rule("c-*", "5"), rule("d-*", "6"), rule("e-*", "5"))
    assert code_of(of, rtc("room-1", uid=None)) is Code.NOT_PERMITTED
    assert grants == {(60, "5"): 1, (3600, "5"): 1, (3600, "6"): 1}


def test_the_first_of_several_rules_that_fit_decides_as_before() -> None:
    first, second = rule("room-1*", "*", name="first"), rule("room-*", "*", name="second")
    assert permitted(app(*HALLS, first, second), rtc("room-12")).rule == "first"
    assert permitted(app(*HALLS, second, first), rtc("room-12")).rule == "second"


def test_a_rule_that_needs_a_capability_is_told_after_many_that_do_not_fit() -> None:
    of = app(*HALLS, rule("*", "7", name="any channel"))
    assert code_of(of, rtc("*")) is Code.CAPABILITY_REQUIRED


@pytest.mark.parametrize("texts", [("hall-1", "hall-1-x"), ("hall", "hall-*"), ("h", "h*")])
def test_a_literal_channel_is_compared_to_its_end(texts: tuple[str, str]) -> None:
    asked, written = texts
    assert code_of(app(ROOM, rule(written, "*")), rtc(asked)) is Code.NOT_PERMITTED


def test_a_rule_that_fills_in_a_field_is_tried_by_itself() -> None:
    limited = rule("room-*", "*", fields={"name": "Guest"}, name="limited")
    assert permitted(app(*HALLS, limited, ROOM), rtc("room-1")).rule == "limited"


def test_claims_and_restrictions_are_never_taken_from_another_caller() -> None:
    """What is prepared of a rule at load is the same for all callers."""
    assert HALLS[0].fixed is HALLS[0].fixed
    assert HALLS[0].fixed is not None
    assert rule("{claims.org}-*", "*").fixed is None
    assert rule("*", "{claims.sub}").fixed is None
    assert rule("*", "*", when={"claims.role": "host"}).fixed is None
    assert rule("*", "*", fields={"name": "{claims.name}"}).fixed is None
