"""Where a single rule can count, the error says what of it did not fit, and nothing that a stranger could use."""

import pytest

from tests.unit.issuing.making import CALLER, app, refused, route_options, rtc, rule, signed_in
from tokend.core.errors import Code
from tokend.core.model import Caller, Restriction, TokenRequest
from tokend.core.rules import Rule
from tokend.issuing.app_options import RouteOptions
from tokend.issuing.dialect_choices import DialectChoice

_BEGIN = "the rule of this caller does not permit this: "
_WITHOUT_EXPLAIN = RouteOptions(path="/", dialect=(DialectChoice("agora-token-service"),))


def reasons(only: Rule, token_request: TokenRequest, caller: Caller = CALLER) -> str:
    """What the error says after its beginning, on a route without v1/explain."""
    api_error = refused(app(only), token_request, caller, _WITHOUT_EXPLAIN)
    assert api_error.code is Code.NOT_PERMITTED
    assert api_error.sentence.startswith(_BEGIN)
    return api_error.sentence.removeprefix(_BEGIN)


@pytest.mark.parametrize(
    ("only", "token_request", "expected"),
    [
        (
            rule(max_ttl=3600),
            rtc(ttl=7200),
            "a ttl of at most 3600 seconds is allowed, and 7200 seconds were requested",
        ),
        (rule("secret-*"), rtc("room"), "channel does not match"),
        (rule(user="secret"), rtc(), "user does not match"),
        (rule(roles=["subscriber"]), rtc(role="publisher"), "role publisher is not among roles [subscriber]"),
        (rule(kinds=["rtm", "chat"]), rtc(), "kind rtc is not among kinds [chat, rtm]"),
        (
            rule("secret-*", "secret", roles=["subscriber"]),
            rtc(role="publisher"),
            "channel does not match; user does not match; role publisher is not among roles [subscriber]",
        ),
        (rule("secret-*"), rtc("*"), "channel does not match; capability wildcard_channel is not named"),
    ],
)
def test_what_did_not_fit_the_only_rule(only: Rule, token_request: TokenRequest, expected: str) -> None:
    assert reasons(only, token_request) == expected


def test_no_value_of_a_claim_is_shown() -> None:
    """Neither the caller's own, which a person may not see, nor one that the rule names."""
    caller = signed_in(org="secret", plan="secret")
    assert reasons(rule("room-{claims.org}-*", "{claims.plan}"), rtc(), caller) == (
        "channel does not match; user does not match"
    )
    only = rule(when={"claims.plan": "top-secret"})
    assert reasons(only, rtc(), caller) == "it applies only with another value of claims.plan"
    not_inserted = "a claim that it inserts is missing, or has a form that it does not take"
    for claims in ({}, {"org": "a-secret"}, {"org": "secret*"}):
        assert reasons(rule("room-{claims.org}-*"), rtc(), signed_in(**claims)) == not_inserted


def test_a_restriction_is_named_by_its_source() -> None:
    restricted = Caller("web", {}, (Restriction("url party-7", channel="secret", max_ttl=60),))
    assert reasons(rule(), rtc(ttl=61), restricted) == (
        "url party-7: channel does not match; url party-7: a ttl of at most 60 seconds is allowed, and 61 seconds were requested"
    )


def test_the_rule_of_the_kind_counts_alone() -> None:
    """Of several rules one can have the kind; then it is the one that was meant."""
    of = app(rule(kinds=["chat"]), rule("secret", kinds=["rtc"]), rule(kinds=["rtm"]))
    assert refused(of, rtc()).sentence == f"{_BEGIN}channel does not match; v1/explain shows the rule"


def test_of_several_rules_nothing_is_shown() -> None:
    of = app(rule("secret", max_ttl=60), rule("other-secret"))
    assert refused(of, rtc(ttl=61), options=_WITHOUT_EXPLAIN).sentence == "no rule of this caller permits this"
    assert refused(app(), rtc(), options=route_options()).sentence.startswith("no rule of this caller")
