"""What rules, claims and templates say, to the word; and what a service reaches by its detail alone."""

import pytest

from tests.unit.issuing.making import APP_ID, app, condition, refused, rtc, rule, signed_in, unmet
from tokend.core.claims import ClaimError, parse_claim_path
from tokend.core.model import Caller, Grant, Restriction, Service, TokenRequest
from tokend.core.patterns import Placeholder, TemplateError, parse_template, uid_of
from tokend.core.reach import CHANNELS, USERS, Capability, reach_of
from tokend.core.rules import bind, unmet_requirements


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", 'is empty: leave it out, or write "*" for any'),
        ("a{b", "has a brace that is not part of a {claims.…} placeholder"),
        ("}", "has a brace that is not part of a {claims.…} placeholder"),
        (
            "{claims.a}*",
            "has nothing between {claims.a} and what follows: one value could run into the next; put a character between",
        ),
        (
            "*{claims.a}",
            "has nothing between * and {claims.a}: one value could be the end of another; put a character between",
        ),
        ("{claims.a|number}", "has {claims.a|number}: the transforms are |uid and |screen_uid"),
        ("{claims.a|}", "has {claims.a|}: the transforms are |uid and |screen_uid"),
        ("{name}", 'has name, which is no claim: write claims.name, claims.a.b or claims["https://…"]'),
        ("{}", 'has , which is no claim: write claims.name, claims.a.b or claims["https://…"]'),
    ],
)
def test_a_text_that_is_no_template(text: str, sentence: str) -> None:
    with pytest.raises(TemplateError if "no claim" not in sentence else ClaimError) as caught:
        parse_template(text)
    assert str(caught.value) == sentence


def test_the_parts_of_a_template() -> None:
    org, sub = parse_claim_path("claims.org"), parse_claim_path("claims.sub")
    assert parse_template("a-{claims.org}-*").parts == ("a-", Placeholder(org, None, before="-", after=""), "-", None)
    assert parse_template("*-{claims.org}").parts == (None, "-", Placeholder(org, None, before="", after="-"))
    assert parse_template("*ab{claims.org}").parts[-1] == Placeholder(org, None, before="", after="b")
    assert parse_template("{claims.sub|uid}").parts == (Placeholder(sub, uid_of, before="", after=""),)


def test_a_number_for_a_text_stays_as_it_is() -> None:
    """Users keep their number from version to version. A lone surrogate has one too."""
    assert uid_of("alice") == 0x2BD806C9 + 1
    assert 1 <= uid_of("\ud800") < 2**32


def test_a_condition_in_words() -> None:
    assert str(condition("claims.role", ["host", 7])) == 'claims.role is not "host" or "7"'
    of = app(rule(when={"claims.role": "host"}))
    assert unmet(of, rtc(), signed_in(role="guest")) == 'when: claims.role is not "host"'


def test_what_a_rule_lacks_in_words() -> None:
    of = app(rule("other", "8", kinds=["rtc", "rtm"], roles=(), max_ttl=60))
    token_request = TokenRequest("rtc", {"channel": "room", "uid": 7, "privileges": {"data": 60}}, 60)
    assert unmet(of, token_request).split("; ") == [
        'channel "room" does not match "other"',
        'user "7" does not match "8"',
        "role publisher is not among roles []",
    ]
    stream = TokenRequest("rtm", {"user": "ann", "channel": "stage"})
    assert unmet(app(rule(kinds=["rtm"])), stream) == "kind rtc, which the token holds too, is not among kinds [rtm]"
    assert unmet(app(rule(max_ttl=60)), rtc(ttl=61)) == "ttl 61 s is over the max of 60 s"
    assert unmet(app(rule(kinds=["rtm", "chat"])), rtc()) == "kind rtc is not among kinds [chat, rtm]"
    assert (
        unmet(app(rule(roles=["subscriber"])), rtc(role="publisher"))
        == "role publisher is not among roles [subscriber]"
    )


def test_what_a_narrowing_lacks_in_words() -> None:
    bound_restrictions = Caller("web", {}, (Restriction("url 1", frozenset({"chat"})),))
    of = app(rule(capabilities=["app_admin"]))
    assert "url 1: what is restricted never administers the app" in unmet(
        of, TokenRequest("chat", {"app": True}), bound_restrictions
    )
    refused(of, TokenRequest("chat", {"app": True}), bound_restrictions)
    assert unmet(of, rtc(), bound_restrictions) == "url 1: kind rtc is not among kinds [chat]"


def test_two_roles_that_are_lacking_are_both_told() -> None:
    both = tuple(Service("rtc", "7", "room", {name: 60}) for name in ("join", "publish"))
    only = rule(roles=())
    filled = bind(only, "rtc", Caller("web"))
    assert not isinstance(filled, str)
    assert unmet_requirements(only, filled, Grant(APP_ID, "007", 60, both)).others == (
        "role publisher, subscriber is not among roles []",
    )


def test_further_channels_and_users_of_a_service_count() -> None:
    detail = {CHANNELS: ("a", "b*"), USERS: ("ann",)}
    reach = reach_of(Grant(APP_ID, "007", 60, (Service("any", "bob", "c", {"login": 60}, detail),)))
    assert (sorted(reach.channels), sorted(reach.users)) == (["a", "b*", "c"], ["ann", "bob"])
    assert reach.capabilities == {Capability.WILDCARD_CHANNEL}
    other = reach_of(Grant(APP_ID, "007", 60, (Service("any", None, None, {}, {CHANNELS: "a*", USERS: None}),)))
    assert other == reach_of(Grant(APP_ID, "007", 60, ()))
