"""Asks that are refused before any rule: unknown fields with a hint, names of the client's own contract, version 006."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import (
    CALLER,
    CREDENTIALS,
    ISSUANCE,
    app,
    code_of,
    permitted,
    refused,
    route_options,
    rtc,
    rule,
    strict_006_backends,
    ttl_bounds,
)
from tokend.backends.agora.rtm import Rtm, RtmFields
from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.dialects.contract import Issue
from tokend.issuing.issuer import issue, mint
from tokend.issuing.policy import explain, operator_grant
from tokend.plugins import Grant, NoOptions


@pytest.mark.parametrize(
    ("token_request", "field", "told"),
    [
        (TokenRequest("rtc", {"chanel": "room", "uid": 7}), "chanel", "is not a field of rtc, did you mean 'channel'?"),
        (TokenRequest("chat", {"usr": "ann"}), "usr", "is not a field of chat, did you mean 'user'?"),
        (rtc(privileges={"joyn": 60}), "privileges.joyn", "is unknown, did you mean 'join'?"),
    ],
)
def test_a_misspelled_field_is_told_with_the_nearest(token_request: TokenRequest, field: str, told: str) -> None:
    api_error = refused(app(rule()), token_request)
    assert (api_error.code, api_error.field, api_error.sentence) == (Code.UNKNOWN_FIELD, field, told)


def test_a_missing_field_and_one_of_another_type_name_the_field() -> None:
    assert refused(app(rule()), TokenRequest("rtc", {"uid": 7})).detail == "channel is missing"
    assert refused(app(rule()), rtc(uid=None, account=7)).detail == "account must be text"
    assert (
        refused(app(rule()), TokenRequest("rtc", {"channel": "room", "uid": "7"})).detail
        == "uid must be a whole number"
    )


def test_a_refusal_never_repeats_what_was_sent() -> None:
    for token_request in (
        rtc("canary\n"),
        rtc(account="canary\n", uid=None),
        TokenRequest("rtm", {"user": "canary\n"}),
        rtc(role="canary"),
    ):
        assert "canary" not in refused(app(rule()), token_request).detail


async def test_fields_are_named_as_the_client_named_them() -> None:
    names = {"ttl": "expiry", "uid": "rtcuid"}
    for token_request, field in ((rtc(ttl=1), "expiry"), (rtc(uid=2**32), "rtcuid"), (rtc("\n"), "channel")):
        with pytest.raises(ApiError) as caught:
            await issue(app(rule()), route_options(), CALLER, Issue((replace(token_request, names=names),)), [ISSUANCE])
        assert caught.value.field == field
        assert caught.value.detail.startswith(f"{field} ")
        assert refused(app(rule()), token_request).code is caught.value.code


def test_a_version_006_ask_gives_a_006_token() -> None:
    permit = permitted(app(rule()), rtc(version="006"))
    assert permit.grant.format == "006"
    assert mint(permit, ISSUANCE).token.startswith("006")


def test_a_006_token_holds_no_wildcard_channel_or_pattern() -> None:
    of = app(rule(capabilities=["wildcard_user", "wildcard_channel"]))
    for token_request in (rtc("*", version="006"), rtc("", version="006"), rtc(uid=None, account="a*", version="006")):
        assert code_of(of, token_request) is Code.INVALID_FIELD
    assert code_of(of, rtc(uid=0, version="006")) is None
    assert code_of(of, TokenRequest("rtm", {"user": "ann", "channel": "stage", "version": "006"})) is Code.INVALID_FIELD


@pytest.mark.parametrize(
    ("token_request", "is_refused"),
    [
        (rtc("room1", 23, version="006"), True),
        (rtc("room12", 3, version="006"), True),
        (rtc("room1", None, account="42", version="006"), True),
        (rtc("room", 23, version="006"), False),
        (rtc("room1x", 3, version="006"), False),
        (rtc("room1", 0, version="006"), True),  # that of (room, 1)
        (rtc("room", 0, version="006"), False),
        (rtc("room1", 23), False),
        (rtc("room", None, account="a7"), False),
        (TokenRequest("rtm", {"user": "ann1", "version": "006"}), False),
    ],
)
def test_strict_006_refuses_a_channel_that_ends_in_a_digit(token_request: TokenRequest, is_refused: bool) -> None:
    strict = app(rule(capabilities=("wildcard_user",)), built=strict_006_backends())
    assert code_of(app(rule(capabilities=("wildcard_user",))), token_request) is None
    if is_refused:
        api_error = refused(strict, token_request)
        assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, "channel")
    else:
        assert code_of(strict, token_request) is None


def test_strict_006_refuses_an_account_that_another_channel_could_begin() -> None:
    """(room, a7) has the signature of (rooma, 7), and (room, ann) that of (rooma, nn)."""
    strict = app(rule(), built=strict_006_backends())
    for account in ("a7", "ann"):
        api_error = refused(strict, rtc("room", None, account=account, version="006"))
        assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, "account")


def test_strict_006_holds_for_a_user_whom_the_rule_fills_in() -> None:
    strict = app(rule(user="23"), built=strict_006_backends())
    assert code_of(strict, rtc("room1", None, version="006")) is Code.INVALID_FIELD


def test_the_operators_own_hand_needs_no_rule_but_keeps_to_the_limits() -> None:
    permit = operator_grant(app(), route_options(ttl_bounds(600, 60, 3600)), rtc("*", 0))
    assert (permit.grant.ttl, permit.rule) == (600, "(operator)")
    assert mint(permit, ISSUANCE).rule == "(operator)"
    for token_request in (rtc(ttl=3601), rtc(ttl=59), rtc("\n"), TokenRequest("turn", {})):
        with pytest.raises(ApiError):
            operator_grant(app(), route_options(ttl_bounds(600, 60, 3600)), token_request)


class _Longer(Rtm):
    """Grants a second more than is requested."""

    def grant(self, fields: RtmFields, ttl: int, user: str | None = None) -> Grant:
        return super().grant(fields, ttl + 1, user)


def test_a_grant_for_the_operator_is_held_against_the_contract_too() -> None:
    of = app(built={"rtm": _Longer(NoOptions(), CREDENTIALS)})
    with pytest.raises(ApiError) as caught:
        operator_grant(of, route_options(), TokenRequest("rtm", {"user": "ann"}))
    assert caught.value.operator == "backend of rtm: the grant does not last as long as requested"
    with pytest.raises(ApiError) as caught:
        explain(
            replace(of, rules={CALLER.name: (rule(),)}), route_options(), CALLER, TokenRequest("rtm", {"user": "ann"})
        )
    assert caught.value.code is Code.INTERNAL


class _Broken(Rtm):
    """Breaks the contract in one of its methods; `grant` only for a minute."""

    broken = ""

    def grant(self, fields: RtmFields, ttl: int, user: str | None = None) -> Grant:
        return super().grant(fields, ttl + (self.broken == "grant" and ttl == 60), user)

    def names_user(self, fields: RtmFields) -> bool:
        if self.broken == "names_user":
            raise ValueError
        return super().names_user(fields)

    def filled(self, user: str) -> Mapping[str, object]:
        return {"usr": user} if self.broken == "filled" else super().filled(user)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("grant", "the grant does not last as long as requested"),
        ("names_user", "names_user raised ValueError"),
        ("filled", "filled returned a field that `Fields` does not have"),
    ],
)
def test_a_backend_that_breaks_the_contract_under_one_rule_issues_by_no_other(broken: str, problem: str) -> None:
    backend = _Broken(NoOptions(), CREDENTIALS)
    of = app(rule(user="ann", max_ttl=60), rule(user="ann"), built={"rtm": backend})
    assert permitted(of, TokenRequest("rtm", {})).filled == {"user": "ann"}
    backend.broken = broken
    with pytest.raises(ApiError) as caught:
        permitted(of, TokenRequest("rtm", {}))
    assert (caught.value.code, caught.value.operator) == (Code.INTERNAL, f"backend of rtm: {problem}")
