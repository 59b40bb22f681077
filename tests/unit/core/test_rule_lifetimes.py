"""Lifetimes: the default and the rule's max, bounds of the route (400), of the rule (403), clamping that says so."""

import pytest

from tests.unit.issuing.making import CALLER, ISSUANCE, app, code_of, permitted, refused, route_options, rtc, rule
from tokend.core.errors import Code
from tokend.core.model import Issued
from tokend.dialects.contract import Issue
from tokend.dialects.rendering import token_fields
from tokend.issuing.app_options import TtlBounds
from tokend.issuing.issuer import issue

_BOUNDS = TtlBounds.model_construct(default=600, min=60, max=3600)
_STRICT = route_options(_BOUNDS)
_CLAMPING = route_options(_BOUNDS, clamp=True)


@pytest.mark.parametrize(
    ("rule_max", "given"), [(None, 600), (3600, 600), (601, 600), (600, 600), (300, 300), (60, 60)]
)
def test_an_ask_without_a_ttl_gets_the_default_or_the_rules_smaller_max(rule_max: int | None, given: int) -> None:
    permit = permitted(app(rule(max_ttl=rule_max)), rtc(), options=_STRICT)
    assert (permit.grant.ttl, permit.clamped_from) == (given, None)


@pytest.mark.parametrize("ttl", [60, 61, 3599, 3600])
def test_both_ends_are_allowed_and_the_ttl_is_as_asked(ttl: int) -> None:
    for options in (_STRICT, _CLAMPING):
        permit = permitted(app(rule()), rtc(ttl=ttl), options=options)
        assert (permit.grant.ttl, permit.clamped_from) == (ttl, None)


@pytest.mark.parametrize("ttl", [-(2**63), -1, 0, 1, 59, 3601, 86_400, 86_401, 2**31, 2**32, 2**32 + 1, 2**63])
def test_outside_the_routes_bounds_is_a_bad_ask_whatever_the_rules_say(ttl: int) -> None:
    for of in (app(rule()), app(rule(max_ttl=90)), app(rule("elsewhere")), app()):
        api_error = refused(of, rtc(ttl=ttl), options=_STRICT)
        assert (api_error.code, api_error.status, api_error.field) == (Code.TTL_OUT_OF_RANGE, 400, "ttl")


@pytest.mark.parametrize(
    ("rule_maxima", "sentence"),
    [
        ((300,), "must be 60 to 300 seconds, the maximum of this caller's rules"),
        ((300, 900), "must be 60 to 900 seconds, the maximum of this caller's rules"),
        ((300, None), "must be 60 to 3600 seconds"),
        ((3600,), "must be 60 to 3600 seconds"),
        ((59,), "must be 60 to 3600 seconds"),
        ((), "must be 60 to 3600 seconds"),
    ],
)
@pytest.mark.parametrize("ttl", [59, 3601])
def test_the_bounds_of_route_and_rules_are_named_at_once(
    ttl: int, rule_maxima: tuple[int | None, ...], sentence: str
) -> None:
    of = app(*(rule(max_ttl=rule_max) for rule_max in rule_maxima), rule(kinds=["chat"]))
    assert refused(of, rtc(ttl=ttl), options=_STRICT).sentence == sentence


def test_a_timestamp_is_named_as_the_mistake_that_it_is() -> None:
    for options in (_STRICT, _CLAMPING):
        api_error = refused(app(rule()), rtc(ttl=1_700_003_600), options=options)
        assert api_error.code is Code.TTL_OUT_OF_RANGE
        assert "looks like a Unix timestamp: give seconds from now" in api_error.sentence


def test_outside_the_rules_max_is_not_permitted() -> None:
    api_error = refused(app(rule(max_ttl=300)), rtc(ttl=301), options=_STRICT)
    assert (api_error.code, api_error.status) == (Code.NOT_PERMITTED, 403)
    assert permitted(app(rule(max_ttl=300)), rtc(ttl=300), options=_STRICT).grant.ttl == 300


def test_a_longer_ttl_is_tried_under_the_next_rule() -> None:
    of = app(rule(max_ttl=300, name="short"), rule(max_ttl=900, name="long"))
    assert permitted(of, rtc(ttl=301), options=_STRICT).rule == "long"


@pytest.mark.parametrize(
    ("ttl", "rule_max", "given", "clamped_from"),
    [
        (3601, None, 3600, 3601),
        (999_999_999, None, 3600, 999_999_999),
        (301, 300, 300, 301),
        (86_400, 300, 300, 86_400),
        (300, 300, 300, None),
    ],
)
def test_a_clamping_route_cuts_a_ttl_and_says_so(
    ttl: int, rule_max: int | None, given: int, clamped_from: int | None
) -> None:
    permit = permitted(app(rule(max_ttl=rule_max)), rtc(ttl=ttl), options=_CLAMPING)
    assert (permit.grant.ttl, permit.clamped_from) == (given, clamped_from)


@pytest.mark.parametrize("ttl", [59, 1, 0, -1])
def test_a_clamping_route_never_lengthens(ttl: int) -> None:
    assert code_of(app(rule()), rtc(ttl=ttl), options=_CLAMPING) is Code.TTL_OUT_OF_RANGE


async def test_the_answer_says_what_was_asked_for_and_what_was_given() -> None:
    (issued,) = await issue(app(rule(max_ttl=300)), _CLAMPING, CALLER, Issue((rtc(ttl=900),)), [ISSUANCE])
    assert isinstance(issued, Issued)
    answer = token_fields(issued)
    assert (answer["ttl"], answer["ttl_asked"]) == (300, 900)
    assert answer["expires_at"] == ISSUANCE.issued_at + 300


def test_a_privilege_does_not_outlast_the_token_nor_the_rule() -> None:
    asked = rtc(privileges={"join": 600, "audio": 300}, ttl=600)
    assert (
        permitted(app(rule(max_ttl=600)), asked, options=_STRICT).grant.services[0].privileges["publish_audio"] == 300
    )
    assert code_of(app(rule(max_ttl=599)), asked, options=_STRICT) is Code.NOT_PERMITTED
    api_error = refused(app(rule()), rtc(privileges={"join": 601}, ttl=600), options=_STRICT)
    assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, "privileges")


def test_every_privilege_lasts_as_long_as_the_token_unless_asked_otherwise() -> None:
    for token_request in (rtc(role="publisher", ttl=120), rtc(ttl=120)):
        (service,) = permitted(app(rule()), token_request, options=_STRICT).grant.services
        assert set(service.privileges.values()) == {120}
