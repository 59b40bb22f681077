"""The traps that rules could be fooled by, each a named test, and what the old servers got wrong."""

from collections.abc import Mapping

import pytest

from tests.unit.issuing.making import (
    CALLER,
    ISSUANCE,
    app,
    backends,
    code_of,
    permitted,
    route_options,
    rtc,
    rule,
    signed_in,
    unmet,
)
from tokend.core.errors import Code
from tokend.core.model import Issued, TokenRequest
from tokend.core.reach import reach_of
from tokend.dialects.agora_token_service import DIALECT
from tokend.dialects.contract import HttpRequest, Issue
from tokend.issuing.issuer import issue

_POWERS = ("wildcard_user", "wildcard_channel", "wildcard_publish")


@pytest.mark.parametrize("user", ["{claims.sub}", "u-{claims.sub}", "{claims.sub|uid}"])
@pytest.mark.parametrize("sub", ["*", "1*", "**"])
def test_a_sub_of_star_opens_nothing(user: str, sub: str) -> None:
    of = app(rule(user=user, capabilities=_POWERS))
    for token_request in (
        rtc(uid=None),
        rtc(uid=0),
        rtc(uid=8),
        rtc(uid=None, account=sub),
        TokenRequest("rtm", {"user": "bob"}),
    ):
        assert code_of(of, token_request, signed_in(sub=sub)) is Code.NOT_PERMITTED
        assert "claims.sub holds a *" in unmet(of, token_request, signed_in(sub=sub))


@pytest.mark.parametrize("sub", ["", None])
def test_an_empty_or_missing_sub_is_not_any_user(sub: str | None) -> None:
    of = app(rule(user="{claims.sub}", capabilities=_POWERS))
    assert code_of(of, rtc(uid=0), signed_in(sub=sub)) is Code.NOT_PERMITTED
    assert code_of(of, rtc(uid=None), signed_in(sub=sub)) is Code.NOT_PERMITTED


def test_a_sub_of_0_is_the_account_0_and_not_any_user() -> None:
    permit = permitted(app(rule(user="{claims.sub}")), rtc(uid=None), signed_in(sub="0"))
    assert permit.grant.services[0].user == "0"
    assert permit.backend.filled("0") == {"account": "0"}
    assert (
        code_of(app(rule(user="{claims.sub}", capabilities=_POWERS)), rtc(uid=0), signed_in(sub="0"))
        is Code.NOT_PERMITTED
    )


def test_org_acme_and_a_room_of_org_acme_eu() -> None:
    """Where a claim may hold what separates it from the rest, acme would reach acme-eu's rooms: so acme-eu has none."""
    of = app(rule("room-{claims.org}-*"))
    assert code_of(of, rtc("room-acme-1"), signed_in(org="acme")) is None
    assert code_of(of, rtc("room-acme-eu-1"), signed_in(org="acme-eu")) is Code.NOT_PERMITTED
    assert "holds the character that follows it in the rule, '-'" in unmet(
        of, rtc("room-acme-eu-1"), signed_in(org="acme-eu")
    )


def test_org_acme_cannot_say_a_room_of_org_acme_eu_where_the_separator_is_another() -> None:
    of = app(rule("{claims.org}:*"))
    assert code_of(of, rtc("acme:1"), signed_in(org="acme")) is None
    assert code_of(of, rtc("acme-eu:1"), signed_in(org="acme")) is Code.NOT_PERMITTED
    assert code_of(of, rtc("acme-eu:1"), signed_in(org="acme-eu")) is None


def test_org_b_and_a_room_of_org_a_b_where_the_claim_stands_after_a_star() -> None:
    """`*-b` fits room-a-b, so an org that holds the separator has no rooms by such a rule, instead of shared ones."""
    for text in ("*-{claims.org}", "room*-{claims.org}"):
        of = app(rule(text))
        assert code_of(of, rtc("room-1-b"), signed_in(org="b")) is None
        assert code_of(of, rtc("room-1-a-b"), signed_in(org="a-b")) is Code.NOT_PERMITTED
        assert "claims.org holds the character between a * and it in the rule, '-'" in unmet(
            of, rtc("room-1-a-b"), signed_in(org="a-b")
        )


def test_kinds_rtm_and_a_stream_channel() -> None:
    of = app(rule(kinds=["rtm"]))
    assert code_of(of, TokenRequest("rtm", {"user": "ann", "channel": "stage"})) is Code.NOT_PERMITTED
    assert code_of(of, TokenRequest("rtm", {"user": "ann"})) is None


def _rte(role: str) -> Issue:
    endpoint = next(one for one in DIALECT.endpoints if one.path.startswith("rte/"))
    params: Mapping[str, str] = {"channel": "room", "role": role, "tokenType": "uid", "rtcuid": "7"}
    parsed = endpoint.parse(HttpRequest(params, (), b"", None, DIALECT.Options(), ISSUANCE.issued_at))
    assert isinstance(parsed, Issue)
    return parsed


async def test_rte_as_subscriber_gives_no_data_publishing() -> None:
    of = app(rule(roles=["subscriber"]))
    outcomes = await issue(of, route_options(), CALLER, _rte("subscriber"), [ISSUANCE, ISSUANCE])
    grants = [one.grant for one in outcomes if isinstance(one, Issued)]
    assert len(grants) == 2
    get_keys = {name for grant in grants for service in grant.services for name in service.privileges}
    assert get_keys == {"join", "login"}
    assert {role for grant in grants for role in reach_of(grant, backends()["rtm"].declarations).roles} == {
        "subscriber"
    }


def test_rte_as_publisher_is_refused_to_a_subscriber_in_both_of_its_tokens() -> None:
    of = app(rule(roles=["subscriber"]))
    for token_request in _rte("publisher").token_requests:
        assert isinstance(token_request, TokenRequest)
        assert code_of(of, token_request) is Code.NOT_PERMITTED


def test_a_stream_channel_without_a_role_publishes_data_and_needs_the_role() -> None:
    assert (
        code_of(app(rule(roles=["subscriber"])), TokenRequest("rtm", {"user": "ann", "channel": "stage"}))
        is Code.NOT_PERMITTED
    )


@pytest.mark.parametrize("fields", [{}, {"usr": "ann"}, {"uid": "ann"}, {"app": False}, {"app": 1}, {"app": "true"}])
def test_chat_without_a_user_is_no_administrators_token(fields: Mapping[str, object]) -> None:
    api_error = code_of(app(rule(capabilities=["app_admin"])), TokenRequest("chat", fields))
    assert api_error in (Code.INVALID_FIELD, Code.UNKNOWN_FIELD)


@pytest.mark.parametrize("uid", [-1, 2**32, 2**32 + 7, 2**64, True, 7.0, "7", "00"])
def test_a_uid_out_of_range_or_of_another_type_is_a_bad_ask(uid: object) -> None:
    assert (
        code_of(app(rule(capabilities=_POWERS)), TokenRequest("rtc", {"channel": "room", "uid": uid}))
        is Code.INVALID_FIELD
    )


def test_uid_7_and_account_7_are_one_user() -> None:
    """The same bytes in a token, so the same user of a rule."""
    of = app(rule(user="7"))
    assert code_of(of, rtc(uid=7)) is None
    assert code_of(of, rtc(uid=None, account="7")) is None
    assert code_of(of, rtc(uid=None, account="07")) is Code.NOT_PERMITTED
