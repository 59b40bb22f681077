"""Ask, rules, deny list, authorizer, mint: the app's own backend may refuse or narrow, and nothing that it says widens."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.issuing.making import (
    CALLER,
    CREDENTIALS,
    ISSUANCE,
    ROUTE_OPTIONS,
    app,
    backends,
    permitted,
    route_options,
    rtc,
    rule,
)
from tokend.backends.agora.apaas import Apaas
from tokend.backends.agora.rtm import Rtm
from tokend.backends.contract import NoOptions
from tokend.core.authorizer import AuthorizerSettings, Question
from tokend.core.declarations import NEVER, OPTIONAL, ServiceShape
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller, Decision, Grant, Issuance, Issued, Restriction, Service, TokenRequest
from tokend.core.reach import Reach, reach_of
from tokend.core.rules import Rule
from tokend.core.secrets import Secret
from tokend.dialects.contract import Issue
from tokend.issuing.app_options import AppOptions, RouteOptions, TtlBounds
from tokend.issuing.configuration import App
from tokend.issuing.issuer import issue
from tokend.issuing.policy import explain

_OTHER_ROLE = (
    "the rule of this caller does not permit this: role publisher is not among roles [subscriber]; "
    "v1/explain shows the rule"
)
SETTINGS = AuthorizerSettings.model_construct(url="https://api.example.com/authorize", secret=Secret("0" * 32))
Given = Restriction | ApiError | None


class Backend:
    """Gives these answers in turn, the last one for ever; `asked` are the questions."""

    def __init__(self, *answers: Given) -> None:
        self.asked: list[Question] = []
        self._answers = list(answers) or [None]

    async def authorize(
        self, settings: AuthorizerSettings, questions: Sequence[Question], request_id: str
    ) -> list[Given]:
        assert settings is SETTINGS
        assert request_id == "request-1"
        self.asked += questions
        return [self._answers[min(index, len(self._answers) - 1)] for index in range(len(questions))]


def of(*rules: Rule) -> App:
    plain = app(*rules)
    return replace(plain, options=AppOptions(authorizer=SETTINGS))


async def outcomes(
    backend: Backend,
    *token_requests: TokenRequest | ApiError,
    to: App,
    batch: bool = True,
    options: RouteOptions = ROUTE_OPTIONS,
    interfaces: Interfaces = Interfaces(),
) -> list[Issued | ApiError]:
    wanted = Issue(token_requests, batch)
    issuances = [Issuance(ISSUANCE.issued_at, 1 + index) for index in range(len(token_requests))]
    return await issue(to, options, CALLER, wanted, issuances, replace(interfaces, authorizer=backend), "request-1")


async def issued(
    backend: Backend, token_request: TokenRequest, *rules: Rule, options: RouteOptions = ROUTE_OPTIONS
) -> Issued:
    (outcome,) = await outcomes(backend, token_request, to=of(*rules), options=options)
    assert isinstance(outcome, Issued)
    return outcome


async def refused(backend: Backend, token_request: TokenRequest, *rules: Rule) -> ApiError:
    (outcome,) = await outcomes(backend, token_request, to=of(*rules))
    assert isinstance(outcome, ApiError)
    return outcome


async def test_what_it_allows_is_issued_as_it_was_asked_for() -> None:
    backend = Backend(None)
    service = {"name": "rtc", "user": "7", "channel": "room", "privileges": {"join": 600}}
    token = await issued(backend, rtc(ttl=600), rule())
    assert token.grant == permitted(app(rule()), rtc(ttl=600)).grant
    assert backend.asked == [
        Question("demo", "web", {}, "rtc", ("7",), ("room",), ("subscriber",), (), 600, (service,)),
    ]


async def test_what_it_refuses_is_not_issued() -> None:
    api_error = await refused(Backend(ApiError(Code.NOT_PERMITTED, "Ada is banned")), rtc(), rule())
    assert (api_error.code, api_error.sentence) == (Code.NOT_PERMITTED, "Ada is banned")


PUBLISHER = rtc("room", role="publisher", ttl=600)


@pytest.mark.parametrize(
    ("restriction", "unmet_requirements"),
    [
        (Restriction("authorizer", channel="lobby"), 'channel "room" does not match "lobby"'),
        (Restriction("authorizer", user="8"), 'user "7" does not match "8"'),
        (Restriction("authorizer", kinds=frozenset({"rtm"})), "kind rtc is not among kinds [rtm]"),
        (
            Restriction("authorizer", roles=frozenset({"subscriber"})),
            "role publisher is not among roles [subscriber]",
        ),
        (
            Restriction("authorizer", max_ttl=599),
            "a ttl of at most 599 seconds is allowed, and 600 seconds were requested",
        ),
    ],
)
async def test_an_ask_outside_of_what_it_narrows_is_refused(restriction: Restriction, unmet_requirements: str) -> None:
    api_error = await refused(Backend(restriction), PUBLISHER, rule())
    assert api_error.code is Code.NOT_PERMITTED
    assert api_error.detail == f"the app's authorizer permits less than this: {unmet_requirements}"
    assert api_error.operator == "authorizer", "ids stay out of the log"


async def test_an_ask_inside_of_what_it_narrows_is_issued() -> None:
    restriction = Restriction(
        *("authorizer", frozenset({"rtc"}), "ro*", "7"), roles=frozenset({"publisher", "subscriber"}), max_ttl=600
    )
    token = await issued(Backend(restriction), PUBLISHER, rule())
    assert (token.grant.ttl, token.restricted_by) == (600, ("authorizer",))
    assert (await issued(Backend(None), PUBLISHER, rule())).restricted_by == ()


async def test_an_ask_without_a_ttl_gets_the_narrower_one() -> None:
    backend = Backend(Restriction("authorizer", max_ttl=120))
    assert (await issued(backend, rtc(), rule(max_ttl=300))).grant.ttl == 120
    assert backend.asked[0].ttl == 300, "it was asked about what the rules alone would give"
    assert len(backend.asked) == 1, "what it restricted is not asked about again"


async def test_a_ttl_below_the_apps_shortest_is_refused() -> None:
    api_error = await refused(Backend(Restriction("authorizer", max_ttl=30)), rtc(), rule())
    assert api_error.code is Code.NOT_PERMITTED


async def test_a_route_that_clamps_clamps_to_the_narrower_ttl_and_says_so() -> None:
    options = route_options(TtlBounds(), clamp=True)
    token = await issued(Backend(Restriction("authorizer", max_ttl=120)), rtc(ttl=600), rule(), options=options)
    assert (token.grant.ttl, token.clamped_from) == (120, 600)


@pytest.mark.parametrize(
    ("token_request", "widening"),
    [
        (rtc("room-2"), Restriction("authorizer", channel="*")),
        (rtc("room-1", role="publisher"), Restriction("authorizer", roles=frozenset({"publisher", "subscriber"}))),
        (rtc("room-1", ttl=601), Restriction("authorizer", max_ttl=86_400)),
        (rtc("room-1", uid=0), Restriction("authorizer", user="*")),
        (TokenRequest("rtm", {"user": "7"}), Restriction("authorizer", kinds=frozenset({"rtc", "rtm"}))),
    ],
)
async def test_what_would_widen_changes_nothing_and_is_not_even_asked(
    token_request: TokenRequest, widening: Restriction
) -> None:
    restrict = rule("room-1", kinds=("rtc",), roles=("subscriber",), max_ttl=600)
    backend = Backend(widening)
    assert (await refused(backend, token_request, restrict)).code in (Code.NOT_PERMITTED, Code.CAPABILITY_REQUIRED)
    assert backend.asked == []
    good = rtc("room-1")
    assert (await issued(backend, good, restrict)).grant == permitted(app(restrict), good).grant


async def test_a_user_that_a_rule_filled_in_is_not_exchanged_for_another() -> None:
    """The second rule would permit the user that it names; but it was asked about the first."""
    backend = Backend(Restriction("authorizer", user="b*"))
    api_error = await refused(backend, rtc(uid=None), rule(user="ada"), rule(user="bob", name="demo.web.rules[1]"))
    assert api_error.code is Code.NOT_PERMITTED
    assert backend.asked[0].users == ("ada",)


async def test_what_is_narrowed_never_administers_the_app() -> None:
    token_request, admin = TokenRequest("chat", {"app": True}), rule(capabilities=("app_admin",))
    assert (
        await refused(Backend(Restriction("authorizer", max_ttl=3600)), token_request, admin)
    ).code is Code.NOT_PERMITTED
    assert await issued(Backend(None), token_request, admin)


@pytest.mark.parametrize("kind", ["rtm", "chat"])
async def test_what_it_restricts_to_a_channel_is_no_login_as_any_user(kind: str) -> None:
    login = TokenRequest(kind, {"user": "ann"})
    assert (await refused(Backend(Restriction("authorizer", channel="room")), login, rule(user="*"))).code is (
        Code.NOT_PERMITTED
    )
    for user in ("ann", "*"):
        assert await issued(Backend(Restriction("authorizer", channel="room", user=user)), login, rule(user="*"))


async def test_the_question_tells_the_roles_of_a_classroom_apart() -> None:
    backend = Backend(None)
    kinds = ("apaas", "rtm", "chat")
    classroom = replace(of(rule(kinds=kinds)), backends={"apaas": Apaas(NoOptions(), CREDENTIALS)})
    for role in (1, 2):
        fields = {"room": "room", "user": "ann", "role": role}
        assert isinstance((await outcomes(backend, TokenRequest("apaas", fields), to=classroom))[0], Issued)
    teacher, student = (question.services[-1] for question in backend.asked)
    assert (teacher["privileges"], teacher["detail"]) == ({"room_teacher": 3600}, {"role": 1})
    assert (student["privileges"], student["detail"]) == ({"room_user": 3600}, {"role": 2})
    assert [question.roles for question in backend.asked] == [("publisher",), ("subscriber",)]


class _Denying:
    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        return "not before noon"


async def test_who_is_denied_is_not_asked_about() -> None:
    backend = Backend()
    (api_error,) = await outcomes(backend, rtc(), to=of(rule()), interfaces=Interfaces(deny=_Denying()))
    assert isinstance(api_error, ApiError)
    assert (api_error.sentence, backend.asked) == ("not before noon", [])


class _DeniedWhileItWaits(Backend):
    """An authorizer during whose call the users of its questions come onto the deny list."""

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        blocked = {user for question in self.asked for user in question.users}
        return "this is on the deny list" if blocked & reach.users else None


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("answer", [None, Restriction("authorizer", max_ttl=60)])
async def test_who_is_denied_while_it_is_asked_gets_no_token(batch: bool, answer: Given) -> None:
    backend, audit = _DeniedWhileItWaits(answer), _Audit()
    interfaces = Interfaces(audit=audit, deny=backend)
    if batch:
        (api_error,) = await outcomes(backend, rtc(), to=of(rule()), interfaces=interfaces)
    else:
        with pytest.raises(ApiError) as caught:
            await outcomes(backend, rtc(), to=of(rule()), batch=False, interfaces=interfaces)
        api_error = caught.value
    assert isinstance(api_error, ApiError)
    assert (api_error.code, api_error.operator) == (Code.NOT_PERMITTED, "deny list")
    assert len(backend.asked) == 1
    assert [decision.token_sha256 for decision in audit.decisions] == [None]


async def test_without_an_authorizer_where_one_is_wanted_nothing_is_issued() -> None:
    with pytest.raises(ApiError) as caught:
        await issue(of(rule()), ROUTE_OPTIONS, CALLER, Issue((rtc(),)), [ISSUANCE], Interfaces())
    assert (caught.value.code, caught.value.operator) == (Code.UNAVAILABLE, "authorizer: there is none here")


async def test_a_batch_is_one_question_each_and_its_answers_keep_their_order() -> None:
    no = ApiError(Code.NOT_PERMITTED, "no")
    malformed = ApiError(Code.INVALID_FIELD, "is missing", "kind")
    backend = Backend(None, no, Restriction("authorizer", max_ttl=60))
    token_requests = (malformed, rtc("a"), rtc("refused by the rules", role="publisher"), rtc("b"), rtc("c"))
    found = await outcomes(backend, *token_requests, to=of(rule(roles=("subscriber",))))
    assert [one.channels for one in backend.asked] == [("a",), ("b",), ("c",)]
    told = [one.grant.ttl if isinstance(one, Issued) else one.sentence for one in found]
    assert told == [
        *("is missing", 3600, _OTHER_ROLE),
        *("no", 60),
    ]


async def test_two_tokens_of_one_answer_are_all_or_nothing_and_not_asked_about_where_one_falls() -> None:
    backend = Backend(None, ApiError(Code.NOT_PERMITTED, "not b"))
    with pytest.raises(ApiError, match="not b"):
        await outcomes(backend, rtc("a"), rtc("b"), to=of(rule()), batch=False)
    assert len(backend.asked) == 2
    with pytest.raises(ApiError, match="role publisher is not among roles"):
        await outcomes(backend, rtc("a"), rtc("b", role="publisher"), to=of(rule(roles=("subscriber",))), batch=False)
    assert len(backend.asked) == 2


async def test_its_refusal_is_written_down() -> None:
    written: list[tuple[Decision, ...]] = []

    class Sink:
        async def record(self, decisions: tuple[Decision, ...]) -> None:
            written.append(decisions)

        def healthy(self) -> bool:
            return True

    no = ApiError(Code.NOT_PERMITTED, "no")
    with pytest.raises(ApiError):
        await outcomes(Backend(no), rtc(), to=of(rule()), batch=False, interfaces=Interfaces(audit=Sink()))
    ((decision,),) = written
    assert (decision.api_error, decision.token_sha256) == (no, None)


async def test_explain_says_that_it_would_be_asked() -> None:
    assert explain(of(rule()), ROUTE_OPTIONS, CALLER, rtc()).authorizer
    assert not explain(of(rule("other")), ROUTE_OPTIONS, CALLER, rtc()).authorizer
    assert not explain(app(rule()), ROUTE_OPTIONS, CALLER, rtc()).authorizer


TEXTS = st.none() | st.sampled_from(["a", "a*", "*", "b", "7", "*7", "ada"])


@given(
    token_request=st.builds(
        rtc,
        st.sampled_from(["a", "ab", "b", "*"]),
        uid=st.sampled_from([None, 0, 7, 8]),
        ttl=st.sampled_from([None, 60, 600]),
        role=st.sampled_from(["publisher", "subscriber"]),
    ),
    rules=st.lists(
        st.builds(
            rule,
            TEXTS,
            st.none() | st.sampled_from(["7", "8", "*"]),
            roles=st.none() | st.just(("subscriber",)),
            capabilities=st.sampled_from([(), ("wildcard_user", "wildcard_channel", "wildcard_publish")]),
            max_ttl=st.sampled_from([None, 60, 600]),
        ),
        min_size=1,
        max_size=3,
    ),
    restriction=st.builds(
        Restriction,
        source=st.just("authorizer"),
        kinds=st.none() | st.frozensets(st.sampled_from(["rtc", "rtm"]), min_size=1),
        channel=TEXTS,
        user=TEXTS,
        roles=st.none() | st.frozensets(st.sampled_from(["publisher", "subscriber"]), min_size=1),
        max_ttl=st.none() | st.integers(1, 100_000),
    ),
)
async def test_whatever_it_says_no_token_gives_more_than_the_rules_or_than_it_was_asked_about(
    token_request: TokenRequest, rules: list[Rule], restriction: Restriction
) -> None:
    (plain,) = await outcomes(Backend(None), token_request, to=of(*rules))
    (token,) = await outcomes(Backend(restriction), token_request, to=of(*rules))
    if isinstance(token, Issued):
        assert isinstance(plain, Issued)
        declarations = backends()["rtc"].declarations
        assert reach_of(token.grant, declarations) == reach_of(plain.grant, declarations)
        assert token.grant.ttl <= plain.grant.ttl
        assert restriction.max_ttl is None or token.grant.ttl <= restriction.max_ttl


class _Audit:
    """Remembers the decisions."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        self.decisions += decisions

    def healthy(self) -> bool:
        return True


@pytest.mark.parametrize(
    "answer", [ApiError(Code.NOT_PERMITTED, "Ada is banned"), Restriction("authorizer", channel="lobby")]
)
async def test_the_audit_says_what_a_token_would_have_given_that_the_authorizer_did_not_permit(answer: Given) -> None:
    audit = _Audit()
    await outcomes(Backend(answer), PUBLISHER, to=of(rule()), interfaces=Interfaces(audit=audit))
    (decision,) = audit.decisions
    assert decision.grant == permitted(app(rule()), PUBLISHER).grant


async def test_without_an_authorizer_only_what_the_rules_reject_keeps_its_error() -> None:
    audit = _Audit()
    batch = Issue((PUBLISHER, rtc("other")), batch=True)
    permit, rejection = await issue(
        of(rule("room")), ROUTE_OPTIONS, CALLER, batch, [ISSUANCE] * 2, Interfaces(audit=audit)
    )
    assert isinstance(permit, ApiError)
    assert isinstance(rejection, ApiError)
    assert (permit.code, rejection.code) == (Code.UNAVAILABLE, Code.NOT_PERMITTED)
    assert audit.decisions[0].grant == permitted(app(rule()), PUBLISHER).grant


async def test_all_that_the_authorizer_does_not_permit_is_named() -> None:
    api_error = await refused(Backend(Restriction("authorizer", channel="lobby", max_ttl=60)), PUBLISHER, rule())
    assert api_error.sentence == (
        "the app's authorizer permits less than this: "
        'channel "room" does not match "lobby"; a ttl of at most 60 seconds is allowed, and 600 seconds were requested'
    )


class _Guests(Rtm):
    """A request without a user is for a guest, as with vendors that have anonymous clients."""

    services: ClassVar = {"rtm": ServiceShape(user=OPTIONAL, channel=NEVER)}

    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        if fields.user is None and user is None:
            return self.grant_of(ttl, Service("rtm", privileges={"login": ttl}))
        return super().grant(fields, ttl, user)


async def test_a_user_whom_the_authorizer_names_and_the_request_leaves_out_is_named_in_the_error() -> None:
    guests = replace(of(rule(kinds=["rtm"])), backends={"rtm": _Guests(NoOptions(), CREDENTIALS)})
    anybody = TokenRequest("rtm", {})
    (outcome,) = await outcomes(Backend(Restriction("authorizer", user="ann")), anybody, to=guests)
    assert isinstance(outcome, ApiError)
    assert (
        outcome.detail == "the app's authorizer permits less than this: it names a user, which the request leaves out"
    )


async def test_a_user_that_another_rule_fills_in_is_not_what_the_authorizer_was_asked_about() -> None:
    rules = rule(user="7", name="first"), rule(user="8", name="second")
    api_error = await refused(Backend(Restriction("authorizer", user="8")), rtc(uid=None), *rules)
    assert api_error.code is Code.NOT_PERMITTED
    assert api_error.sentence.startswith("the app's authorizer permits less than this: ")
