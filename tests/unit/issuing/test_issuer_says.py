"""What the issuer hands to the authenticator, the deny list and the audit, and says in each of its refusals. Word for word."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import (
    APP_ID,
    CALLER,
    ISSUANCE,
    ROUTE_OPTIONS,
    app,
    permitted,
    refused,
    route_options,
    rtc,
    rule,
    signed_in,
    strict_006_backends,
    ttl_bounds,
)
from tokend.auth.authenticator import Authenticator
from tokend.auth.contract import AppContext, AuthScheme, Credentials
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Interfaces, Keys
from tokend.core.model import Caller, Decision, Issuance, Issued, Restriction, TokenRequest
from tokend.core.reach import Reach
from tokend.dialects.contract import Explain, Issue
from tokend.issuing.app_options import RouteOptions
from tokend.issuing.configuration import App, Route
from tokend.issuing.dialect_choices import DialectChoice
from tokend.issuing.issuer import LAST_ISSUE_TIME, answer, issue, mint
from tokend.issuing.policy import explain, operator_grant

_WILD = ("wildcard_user", "wildcard_channel", "wildcard_publish")


class _Scheme(AuthScheme):
    """Remembers what it was asked with."""

    name = "remembering"

    def __init__(self) -> None:
        super().__init__(AppContext("demo"), {CALLER.name: None})
        self.asked: list[tuple[int, Keys | None]] = []

    async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
        self.asked.append((now, keys))
        return CALLER


class _Outside:
    """An audit, keys and a deny list that remember."""

    def __init__(self, denied: str | None = None) -> None:
        self.denied = denied
        self.decisions: list[Decision] = []
        self.asked: list[tuple[str, Caller, Reach]] = []

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        self.decisions += decisions

    def healthy(self) -> bool:
        return True

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        self.asked.append((app, caller, reach))
        return self.denied


def _route(of: App, scheme: AuthScheme, **more: Any) -> Route:
    return Route(of, route_options(**more), (), Authenticator([scheme]), (CALLER.name,))


async def _answered(route: Route, token_request: TokenRequest, interfaces: Interfaces = Interfaces()) -> Issued:
    (issued,) = await answer(route, Issue((token_request,)), Credentials(), [ISSUANCE], interfaces, "request-7")
    assert isinstance(issued, Issued)
    return issued


async def test_the_gate_gets_the_time_of_the_stamp_and_the_keys() -> None:
    scheme, keys = _Scheme(), object()
    await _answered(_route(app(rule()), scheme), rtc(), Interfaces(keys=keys))  # type: ignore[arg-type]  # is handed on only
    assert scheme.asked == [(ISSUANCE.issued_at, keys)]


async def test_a_route_says_whether_it_clamps() -> None:
    bounds = ttl_bounds(600, 60, 3600)
    clamping = _route(app(rule()), _Scheme(), ttl=bounds, clamp=True)
    issued = await _answered(clamping, rtc("room1", version="006", ttl=7200))
    assert (issued.grant.ttl, issued.clamped_from) == (3600, 7200)
    with pytest.raises(ApiError) as caught:
        await _answered(_route(app(rule()), _Scheme(), ttl=bounds), rtc(ttl=7200))
    assert caught.value.code is Code.TTL_OUT_OF_RANGE


@pytest.mark.parametrize("token_request", [rtc(), rtc("")])
async def test_a_decision_says_who_asked_what_when_and_under_which_request(token_request: TokenRequest) -> None:
    outside = _Outside()
    route = _route(app(rule()), _Scheme())
    try:
        await _answered(route, token_request, Interfaces(audit=outside))
    except ApiError as api_error:
        assert api_error.code is Code.CAPABILITY_REQUIRED
    (decision,) = outside.decisions
    assert (decision.app, decision.caller, decision.token_request) == ("demo", CALLER.name, token_request)
    assert (decision.issued_at, decision.request_id) == (ISSUANCE.issued_at, "request-7")
    assert (decision.api_error is None) is (token_request == rtc())


async def test_a_refused_credential_is_written_down_with_its_app_time_and_request() -> None:
    class Refusing(_Scheme):
        async def authenticate(self, credentials: Credentials, now: int, keys: Keys | None = None) -> Caller | None:
            raise api_error

    outside, api_error = _Outside(), ApiError(Code.CREDENTIAL_INVALID, "is past")
    route = _route(app(rule()), Refusing())
    for parsed in (Issue((rtc(),)), Explain(rtc())):
        with pytest.raises(ApiError) as caught:
            await answer(route, parsed, Credentials(), [ISSUANCE], Interfaces(audit=outside), "request-7")
        assert caught.value is api_error
    assert outside.decisions == [
        Decision("demo", None, None, None, None, None, ISSUANCE.issued_at, api_error, "request-7")
    ]


@pytest.mark.parametrize(("token_request", "sources"), [(rtc(), ("url party-7", "authorizer")), (rtc(""), ())])
async def test_a_decision_says_by_which_signed_url_and_under_which_narrowings(
    token_request: TokenRequest, sources: tuple[str, ...]
) -> None:
    outside = _Outside()
    caller = Caller(CALLER.name, {}, (Restriction("url party-7"), Restriction("authorizer")), "party-7")
    await issue(
        app(rule()), ROUTE_OPTIONS, caller, Issue((token_request,), batch=True), [ISSUANCE], Interfaces(audit=outside)
    )
    (decision,) = outside.decisions
    assert (decision.url, decision.restricted_by) == ("party-7", sources)


async def test_without_a_request_id_a_decision_has_none() -> None:
    outside = _Outside()
    await issue(app(rule()), ROUTE_OPTIONS, CALLER, Issue((rtc(),)), [ISSUANCE], Interfaces(audit=outside))
    await answer(_route(app(rule()), _Scheme()), Issue((rtc(),)), Credentials(), [ISSUANCE], Interfaces(audit=outside))
    assert [one.request_id for one in outside.decisions] == ["", ""]


async def test_the_deny_list_is_told_the_app_the_caller_and_the_reach() -> None:
    outside, caller = _Outside("is shut out"), signed_in(sub="ann")
    with pytest.raises(ApiError) as caught:
        await issue(app(rule()), ROUTE_OPTIONS, caller, Issue((rtc(),)), [ISSUANCE], Interfaces(deny=outside))
    assert outside.asked == [("demo", caller, permitted(app(rule()), rtc()).reach)]
    assert (caught.value.code, caught.value.sentence) == (Code.NOT_PERMITTED, "is shut out")
    assert caught.value.operator == "deny list"


def test_the_operators_token_holds_what_was_asked_and_says_what_was_cut() -> None:
    clamping = route_options(ttl_bounds(600, 60, 3600), clamp=True)
    permit = operator_grant(app(), clamping, rtc(ttl=7200))
    assert (permit.token_request, permit.rule, permit.filled) == (rtc(ttl=7200), "(operator)", {})
    assert (permit.grant.ttl, permit.clamped_from) == (3600, 7200)


def test_a_user_that_a_rule_filled_in_is_told_with_its_field_and_type() -> None:
    for user, filled in (("7", {"uid": 7}), ("ann", {"account": "ann"})):
        assert mint(permitted(app(rule(user=user)), rtc(uid=None)), ISSUANCE).filled == filled
    assert mint(permitted(app(rule(user="7")), rtc(uid=7)), ISSUANCE).filled == {}


def test_an_app_id_that_is_sent_must_be_the_apps() -> None:
    assert permitted(app(rule()), replace(rtc(), app_id=APP_ID)).grant.app_id == APP_ID
    api_error = refused(app(rule()), replace(rtc(), app_id="0" * 32))
    assert (api_error.code, api_error.field, api_error.status) == (Code.WRONG_APP, "app_id", 403)
    assert api_error.sentence == "is not the App ID of this route's app"


def test_a_kind_that_the_app_has_not_is_told_with_those_it_has() -> None:
    api_error = refused(app(rule()), TokenRequest("turn", {}, names={"kind": "kind"}))
    assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, "kind")
    assert api_error.sentence == "must be one of chat, rtc, rtm"


def test_a_kind_that_a_path_means_is_no_field_of_the_client() -> None:
    """The error named a field that the API does not have."""
    api_error = refused(app(rule()), TokenRequest("turn", {}))
    assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, None)
    assert api_error.sentence == "this app has no tokens of kind turn; it has chat, rtc, rtm"


def test_explain_names_each_rule_that_was_tried() -> None:
    of = app(rule(kinds=["rtm"], name="kinds"), rule("{claims.org}", name="claim"), rule(name="bad"), rule(name="good"))
    told = explain(of, ROUTE_OPTIONS, CALLER, rtc(uid=None))
    assert [one.rule for one in told.rule_results] == ["kinds", "claim", "bad", "good"]
    assert told.rule_results[2].unmet == ("uid is missing: say for whom the token is",)


def test_the_nearest_miss_is_told() -> None:
    """A bad ask before a capability that is lacking, whichever rule comes first; a capability before all else."""
    bad, capability, else_ = rule(user="\n", name="bad"), rule(user="7*", name="capability"), rule("other", name="else")
    token_request = rtc("*", uid=None)
    for rules in ((capability, rule()), (rule(), capability)):
        assert refused(app(*rules), token_request).code is Code.INVALID_FIELD
    for several in ((capability, else_), (else_, capability)):
        assert refused(app(*several), rtc("*", uid=77)).code is Code.CAPABILITY_REQUIRED
    fills = rule(user="7", name="fills")
    for ordered in ((fills, bad), (bad, fills)):
        api_error = refused(app(*ordered), token_request)
        assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, "uid")


def test_a_miss_in_words() -> None:
    api_error = refused(app(rule("other"), rule("another")), rtc())
    assert api_error.sentence == "no rule of this caller permits this; v1/explain says what each requires"
    api_error = refused(app(rule()), rtc("*", uid=0))
    assert (
        api_error.sentence == "this needs wildcard_channel, wildcard_user among the capabilities of the caller's rule"
    )


def test_no_rule_of_this_caller_permits_this_names_v1_explain_where_the_route_has_it() -> None:
    sentence, hint = "no rule of this caller permits this", "; v1/explain says what each requires"
    of_other_kinds, of_other_channels = (rule(kinds=["chat"]), rule(kinds=["rtm"])), (rule("other"), rule("another"))
    for of in (app(), app(*of_other_kinds), app(*of_other_channels)):
        assert refused(of, rtc()).sentence == sentence + hint
        for dialects, shown in ((("native",), hint), (("agora-docker", "native"), hint), (("agora-docker",), "")):
            options = RouteOptions(path="/", dialect=tuple(map(DialectChoice, dialects)))
            assert refused(of, rtc(), options=options).sentence == sentence + shown
        endpoint = RouteOptions(path="/room", kind="rtc", dialect=(DialectChoice("native"),))
        assert refused(of, rtc(), options=endpoint).sentence == sentence


def test_explain_names_the_kinds_for_which_the_caller_has_a_rule() -> None:
    of = app(rule(kinds=["rtm"]), rule("other", kinds=["chat"], when={"claims.role": "host"}))
    for claims, kinds in (({}, ("rtm",)), ({"role": "host"}, ("rtm", "chat"))):
        for token_request in (rtc(), TokenRequest("rtm", {})):
            assert explain(of, ROUTE_OPTIONS, signed_in(**claims), token_request).kinds == kinds
    assert explain(app(), ROUTE_OPTIONS, CALLER, rtc()).kinds == ()


def test_a_lifetime_outside_the_bounds_in_words() -> None:
    bounds = route_options(ttl_bounds(600, 60, 3600))
    timestamp = "; this looks like a Unix timestamp: give seconds from now"
    for ttl, hint in ((59, ""), (3601, ""), (10**9 - 1, ""), (10**9, timestamp)):
        assert refused(app(rule()), rtc(ttl=ttl), options=bounds).sentence == f"must be 60 to 3600 seconds{hint}"
    clamping = route_options(bounds.ttl, clamp=True)
    assert permitted(app(rule()), rtc(ttl=10**9 - 1), options=clamping).grant.ttl == 3600
    assert refused(app(rule()), rtc(ttl=10**9), options=clamping).code is Code.TTL_OUT_OF_RANGE


def test_a_route_that_clamps_never_clamps_below_its_shortest_ttl() -> None:
    """A rule with a smaller maximum gave tokens that were shorter than the route's `ttl.min`."""
    clamping = route_options(ttl_bounds(600, 60, 3600), clamp=True)
    for ttl in (None, 60, 600, 7200):
        api_error = refused(app(rule(max_ttl=30)), rtc(ttl=ttl), options=clamping)
        assert api_error.sentence == "must be at least 60 seconds, and this caller may have at most 30 seconds"
        assert (api_error.code, api_error.field) == (Code.NOT_PERMITTED, "ttl")


def test_a_rule_below_the_routes_shortest_ttl_permits_nothing_and_says_so() -> None:
    api_error = refused(app(rule(max_ttl=59)), rtc(), options=route_options(ttl_bounds(600, 60, 3600)))
    assert (api_error.code, api_error.field) == (Code.NOT_PERMITTED, "ttl")
    assert api_error.sentence == "must be at least 60 seconds, and this caller may have at most 59 seconds"


def test_a_006_token_that_could_be_read_two_ways_in_words() -> None:
    strict = app(rule(capabilities=_WILD), built=strict_006_backends())
    api_error = refused(strict, rtc("room1", uid=7, version="006"))
    assert (api_error.code, api_error.field) == (Code.INVALID_FIELD, "channel")
    assert api_error.sentence == "may not end in a digit in a 006 token, since a uid follows it"
    for token_request in (rtc("room", uid=0, version="006"), rtc("room", uid=7, version="006"), rtc("room1", uid=7)):
        assert permitted(strict, token_request)


async def test_an_audit_that_cannot_be_written_in_words() -> None:
    class Failing(_Outside):
        async def record(self, decisions: tuple[Decision, ...]) -> None:
            raise OSError("disk full")

    with pytest.raises(ApiError) as caught:
        await issue(app(rule()), ROUTE_OPTIONS, CALLER, Issue((rtc(),)), [ISSUANCE], Interfaces(audit=Failing()))
    assert (caught.value.sentence, caught.value.operator) == ("the audit log cannot be written", "OSError('disk full')")


@pytest.mark.parametrize("now", [-1, LAST_ISSUE_TIME + 1])
async def test_a_clock_that_no_token_can_hold_issues_nothing(now: int) -> None:
    scheme = _Scheme()
    with pytest.raises(ApiError) as caught:
        await answer(_route(app(rule()), scheme), Issue((rtc(),)), Credentials(), [Issuance(now, 1)])
    assert (caught.value.code, caught.value.detail) == (
        Code.UNAVAILABLE,
        "this server's clock is wrong: no token can hold its time",
    )
    assert scheme.asked == []


@pytest.mark.parametrize("now", [0, LAST_ISSUE_TIME])
async def test_the_first_and_last_time_of_a_clock_issue_tokens(now: int) -> None:
    route = _route(app(rule()), _Scheme())
    (issued,) = await answer(route, Issue((rtc(),)), Credentials(), [Issuance(now, 1)])
    assert isinstance(issued, Issued)
    assert issued.issued_at == now


class _Turns:
    """A scheduler of batches that counts turns."""

    def __init__(self) -> None:
        self.count = 0

    async def wait_for_turn(self) -> None:
        self.count += 1


@pytest.mark.parametrize(("token_requests", "turns"), [(9, 0), (10, 2), (19, 2), (20, 4)])
async def test_other_requests_run_after_every_ten_decisions_and_every_ten_tokens(
    token_requests: int, turns: int
) -> None:
    scheduler = _Turns()
    batch = Issue((rtc(),) * token_requests, batch=True)
    outcomes = await issue(
        app(rule()), ROUTE_OPTIONS, CALLER, batch, [ISSUANCE] * token_requests, Interfaces(batch_scheduler=scheduler)
    )
    assert len(outcomes) == token_requests
    assert scheduler.count == turns


async def test_explain_says_who_explains_and_what_the_token_would_give() -> None:
    of = app(rule("other", name="first"), rule(name="second"))
    explained = explain(of, ROUTE_OPTIONS, CALLER, rtc("room", 7, ttl=600))
    assert (explained.caller, explained.api_error, explained.authorizer) == ("web", None, False)
    assert [result.rule for result in explained.rule_results] == ["first", "second"]
    assert [bool(result.unmet) for result in explained.rule_results] == [True, False]
    assert explained.gives["ttl"] == 600
    rejected = explain(of, ROUTE_OPTIONS, CALLER, rtc(ttl=1))
    assert (rejected.caller, rejected.rule_results) == ("web", ())
    assert rejected.gives == {}
