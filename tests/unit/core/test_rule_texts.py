"""Texts of rules: stars against `re`, claims as literal text, when a rule does not apply, and the number for a text."""

import hashlib
import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from tests.examples import examples
from tests.unit.issuing.making import app, code_of, permitted, rtc, rule, signed_in, unmet
from tokend.core.claims import parse_claim_path
from tokend.core.errors import Code
from tokend.core.model import TokenRequest
from tokend.core.patterns import NotApplicable, Pattern, _second, parse_template, screen_uid_of, uid_of

_LETTERS: Final = st.text("ab*-A\n", max_size=8)
_HOLDS: Final = "holds the character that follows it"
_MISSING: Final = "is missing, empty, or neither text nor a whole number"
_LIST: Final = "is a list, and a rule inserts one text or whole number: write a rule with `when` for each value"


@examples(600)
@given(written=st.text("ab*-", min_size=1, max_size=6), text=_LETTERS)
def test_a_pattern_matches_what_re_matches(written: str, text: str) -> None:
    expected = re.compile("".join("(?s:.+)" if one == "*" else re.escape(one) for one in written)).fullmatch(text)
    assert parse_template(written).bind({}).matches(text) is (expected is not None)


def test_many_stars_are_matched_in_no_time() -> None:
    """Were it a regular expression that goes back, it would not come to an end."""
    pattern = parse_template("a*" * 60 + "b").bind({})
    assert not pattern.matches("a" * 10_000)
    assert pattern.matches("a" * 10_000 + "b")


@examples(300)
@given(claim=st.text("ab*-{}.é\n", max_size=6))
def test_a_claim_goes_in_as_literal_text_or_the_rule_does_not_apply(claim: str) -> None:
    template = parse_template("room-{claims.org}-*")
    try:
        pattern = template.bind({"org": claim})
    except NotApplicable:
        assert not claim or "*" in claim or "-" in claim
    else:
        assert pattern == Pattern((f"room-{claim}-", ""))


@pytest.mark.parametrize("org", ["a.c", "[ab]", "{claims.sub}", "%2a", "\\", "a|b", "(", "$", "ac+"])
def test_nothing_in_a_claim_is_special(org: str) -> None:
    caller = signed_in(org=org, sub="x")
    pattern = parse_template("room-{claims.org}-*").bind(caller.claims)
    assert pattern.matches(f"room-{org}-1")
    assert not pattern.matches("room-abc-1")


@pytest.mark.parametrize(
    ("org", "why"),
    [
        (None, _MISSING),
        ("", _MISSING),
        (True, _MISSING),
        (1.5, _MISSING),
        (["acme"], _LIST),
        ([], _LIST),
        ({"name": "acme"}, _MISSING),
        ("*", "holds a *"),
        ("ac*me", "holds a *"),
        ("acme-eu", _HOLDS),
        ("-", _HOLDS),
    ],
)
def test_a_rule_does_not_apply_to_a_claim_that_cannot_go_in_and_explain_says_so(org: object, why: str) -> None:
    of = app(rule("room-{claims.org}-*"))
    assert code_of(of, rtc("room-acme-1"), signed_in(org=org)) is Code.NOT_PERMITTED
    assert f"claims.org {why}" in unmet(of, rtc("room-acme-1"), signed_in(org=org))


def test_only_the_first_character_that_follows_counts() -> None:
    of = app(rule("{claims.org}-x-*"))
    assert code_of(of, rtc("a-b-x-1"), signed_in(org="a-b")) is Code.NOT_PERMITTED
    assert code_of(of, rtc("axb-x-1"), signed_in(org="axb")) is None


def test_a_missing_claim_anywhere_in_the_rule_makes_it_inapplicable() -> None:
    of = app(rule("room-*", "{claims.sub}"))
    assert code_of(of, rtc("room-1"), signed_in(org="acme")) is Code.NOT_PERMITTED
    assert "claims.sub is missing" in unmet(of, rtc("room-1"), signed_in(org="acme"))


def test_integers_go_in_as_decimal_text() -> None:
    assert code_of(app(rule("room-{claims.org}-*")), rtc("room-42-1"), signed_in(org=42)) is None
    assert code_of(app(rule(user="{claims.org}")), rtc(uid=42), signed_in(org=42)) is None


def test_claims_are_found_nested_and_under_quoted_names() -> None:
    claims = {"a": {"b": {"c": "deep"}}, "https://x/roles": {"org": "far"}, "a.b": "dotted"}
    assert parse_template("{claims.a.b.c}").bind(claims).single == "deep"
    assert parse_template('{claims["https://x/roles"].org}').bind(claims).single == "far"
    assert parse_template('{claims["a.b"]}').bind(claims).single == "dotted"
    for path in ("claims.a", "claims.a.b", "claims.a.b.c.d", "claims.b", 'claims["https://x/roles"]'):
        with pytest.raises(NotApplicable, match="missing"):
            parse_template(f"{{{path}}}").bind(claims)


def test_a_claim_path_is_told_as_it_is_written() -> None:
    for written in ("claims.a.b", 'claims["https://x/roles"]', 'claims["a.b"].c-d', 'claims["é"]'):
        assert str(parse_claim_path(written)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{claims.org}{claims.sub}",
        "{claims.org}*",
        "*{claims.org}",
        "room-*{claims.org}-1",
        "room-{claims.org",
        "room-}x",
        "{org}",
        "{claims}",
        "{claims.}",
        "{claims.a..b}",
        "{claims.sub|UID}",
        "{claims.sub|}",
        "{claims.sub|uid|uid}",
        "{claims.sub|screen}",
        "{claims.sub|uid|screen_uid}",
        "{}",
        "{claims[org]}",
        "{{claims.org}}",
    ],
)
def test_a_text_that_is_no_template_is_refused_when_the_configuration_loads(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        parse_template(text)


@pytest.mark.parametrize(("text", "number"), [("ann", 1_234_263_566), ("", 3_820_012_611), ("42", 1_934_056_629)])
def test_the_number_for_a_text_never_changes(text: str, number: int) -> None:
    assert uid_of(text) == number


@examples(200)
@given(text=st.text("abé😀\ud800", max_size=12))
def test_the_number_for_a_text_is_a_uid_and_never_0(text: str) -> None:
    assert 1 <= uid_of(text) <= 0xFFFF_FFFF


@pytest.mark.parametrize(("text", "number"), [("ann", 2_102_083_631), ("", 2_566_659_093), ("42", 173_444_750)])
def test_the_number_for_a_screen_never_changes(text: str, number: int) -> None:
    assert screen_uid_of(text) == number


@examples(200)
@given(text=st.text("abé😀\ud800", max_size=12))
def test_a_screen_has_another_uid_than_its_user_and_never_0(text: str) -> None:
    assert 1 <= screen_uid_of(text) <= 0xFFFF_FFFF
    assert screen_uid_of(text) != uid_of(text)


@pytest.mark.parametrize("twins", [b"\0\0\0\7" * 2, b"\0" * 8, b"\0" * 4 + b"\xff" * 4, b"\xff" * 8])
def test_where_both_halves_of_a_hash_are_one_number_it_is_hashed_again(twins: bytes) -> None:
    """Of real texts one in four thousand million comes here. 0 and 2^32-1 are one number too."""
    digest = twins + b"\1" * 24
    number = _second(digest)
    again = hashlib.sha256(digest).digest()[4:8]
    assert number == int.from_bytes(again) % 0xFFFF_FFFF + 1
    assert number != int.from_bytes(twins[:4]) % 0xFFFF_FFFF + 1


def test_screen_uid_maps_the_claim_and_fills_the_ask_as_a_number() -> None:
    of = app(rule(user="{claims.sub|screen_uid}"))
    permit = permitted(of, rtc(uid=None), signed_in(sub="ann"))
    assert permit.filled == {"uid": screen_uid_of("ann")}
    assert code_of(of, rtc(uid=uid_of("ann")), signed_in(sub="ann")) is Code.NOT_PERMITTED


def test_uid_maps_the_claim_and_fills_the_ask_as_a_number() -> None:
    of = app(rule(user="{claims.sub|uid}"))
    permit = permitted(of, rtc(uid=None), signed_in(sub="ann"))
    assert permit.filled == {"uid": uid_of("ann")}
    assert code_of(of, rtc(uid=uid_of("ann")), signed_in(sub="ann")) is None
    assert code_of(of, rtc(uid=uid_of("ann")), signed_in(sub="bob")) is Code.NOT_PERMITTED


def test_the_number_of_an_integer_claim_is_that_of_its_text() -> None:
    assert parse_template("{claims.sub|uid}").bind({"sub": 42}).single == str(uid_of("42"))


def test_uid_does_not_let_a_star_or_an_empty_claim_through() -> None:
    of = app(rule(user="{claims.sub|uid}"))
    for sub in ("", "*", None, True):
        assert code_of(of, rtc(uid=None), signed_in(sub=sub)) is Code.NOT_PERMITTED


def test_explain_fills_the_placeholders_in() -> None:
    of = app(rule("room-{claims.org}-*", "{claims.sub}"))
    told = unmet(of, TokenRequest("rtc", {"channel": "room-b-1", "account": "bob"}), signed_in(org="acme", sub="ann"))
    assert told == 'channel "room-b-1" does not match "room-acme-*"; user "bob" does not match "ann"'
