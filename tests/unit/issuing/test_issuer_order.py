"""Mint, verify, audit, release: in that order, and nothing leaves where one of them fails. Batches and all-or-nothing."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import CALLER, CREDENTIALS, ISSUANCE, app, backends, route_options, rtc, rule
from tokend.auth.anonymous import Anonymous, AnonymousOptions
from tokend.auth.authenticator import Authenticator, read_credentials
from tokend.auth.contract import AppContext
from tokend.backends.agora.rtm import Rtm
from tokend.backends.contract import Mismatch
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller, Decision, Grant, Issued, TokenRequest
from tokend.core.reach import Reach
from tokend.core.rules import Rule
from tokend.dialects.contract import Explain, Explanation, Inspect, Inspection, Issue
from tokend.issuing.configuration import Route
from tokend.issuing.issuer import answer, issue
from tokend.plugins import Backend, Issuance, Minted, NoOptions, Reading, Unreadable

_TERMS: Final = route_options()
_OK: Final = TokenRequest("rtm", {"user": "ann"})
_ELSEWHERE: Final = TokenRequest("rtm", {"user": "bob"})
_BAD: Final = TokenRequest("rtm", {"usr": "ann"})
_NOBODY: Final = read_credentials(())


def _route(*rules: Rule) -> Route:
    """A route on which a caller without credentials has these rules."""
    scheme = Anonymous(AppContext("demo"), {"web": AnonymousOptions(True)})
    return Route(app(*rules), route_options(), (), Authenticator([scheme]), ("web",))


class _Journal:
    """What happened, in order; an audit sink and a deny list that write into it."""

    def __init__(self, fails: Exception | None = None, denied: str | None = None) -> None:
        self.lines: list[str] = []
        self.decisions: list[tuple[Decision, ...]] = []
        self._fails, self._denied = fails, denied

    @property
    def interfaces(self) -> Interfaces:
        return Interfaces(audit=self, deny=self)

    def healthy(self) -> bool:
        return True

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        self.lines.append("audit")
        self.decisions.append(decisions)
        if self._fails is not None:
            raise self._fails

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        self.lines.append("deny?")
        return self._denied if self._denied and "ann" in reach.users else None


class _Told(Rtm):
    """Says in the journal what it does; what it reads may be made to lie."""

    journal = _Journal()
    lie: Callable[[Reading], Reading] = staticmethod(lambda reading: reading)

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        self.journal.lines.append("mint")
        return super().mint(grant, issuance)

    def read(self, token: str) -> Reading:
        return self.lie(super().read(token))

    def verify(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        self.journal.lines.append("verify")
        return super().verify(minted, grant, issuance)


def _told(journal: _Journal, lie: Callable[[Reading], Reading] = lambda reading: reading) -> Mapping[str, Backend]:
    backend = _Told(NoOptions(), CREDENTIALS)
    backend.journal, backend.lie = journal, lie
    return {"rtm": backend}


async def _error_response(of: Any, wanted: Issue, interfaces: Interfaces = Interfaces()) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await issue(of, _TERMS, CALLER, wanted, [ISSUANCE] * len(wanted.token_requests), interfaces)
    return caught.value


async def test_deny_list_then_mint_then_verify_then_audit_then_release() -> None:
    journal = _Journal()
    (issued,) = await issue(
        app(rule(), built=_told(journal)), _TERMS, CALLER, Issue((_OK,)), [ISSUANCE], journal.interfaces
    )
    assert journal.lines == ["deny?", "mint", "verify", "audit"]
    assert isinstance(issued, Issued)
    ((decision,),) = journal.decisions
    assert decision.token_sha256 == hashlib.sha256(issued.token.encode()).hexdigest()
    assert (decision.app, decision.caller, decision.rule, decision.issued_at) == (
        "demo",
        "web",
        issued.rule,
        ISSUANCE.issued_at,
    )
    assert (decision.grant, decision.token_request, decision.api_error) == (issued.grant, _OK, None)


async def test_the_audit_never_sees_the_token() -> None:
    journal = _Journal()
    (issued,) = await issue(app(rule()), _TERMS, CALLER, Issue((_OK,)), [ISSUANCE], journal.interfaces)
    assert isinstance(issued, Issued)
    assert issued.token not in repr(journal.decisions)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), TimeoutError(), RuntimeError("lost")])
@pytest.mark.parametrize("batch", [False, True])
async def test_what_cannot_be_written_down_is_not_issued(error: Exception, batch: bool) -> None:
    journal = _Journal(fails=error)
    api_error = await _error_response(app(rule()), Issue((_OK, _OK), batch), journal.interfaces)
    assert (api_error.code, api_error.status, api_error.operator) == (Code.UNAVAILABLE, 503, repr(error))
    assert "007" not in api_error.detail


async def test_a_refusal_that_cannot_be_written_down_is_unavailable_too() -> None:
    api_error = await _error_response(app(), Issue((_OK,)), _Journal(fails=OSError()).interfaces)
    assert api_error.code is Code.UNAVAILABLE


async def test_a_refusal_is_written_down() -> None:
    journal = _Journal()
    api_error = await _error_response(app(), Issue((_OK,)), journal.interfaces)
    ((decision,),) = journal.decisions
    assert decision.api_error is api_error
    assert (decision.grant, decision.rule, decision.token_sha256) == (None, None, None)


def _raise(reading: Reading) -> Reading:
    raise Unreadable("cannot be read")


_LIES: Final[Mapping[str, Callable[[Reading], Reading]]] = {
    "another user": lambda one: replace(
        one, grant=replace(one.grant, services=(replace(one.grant.services[0], user="bob"),))
    ),
    "another app": lambda one: replace(one, grant=replace(one.grant, app_id="0" * 32)),
    "longer": lambda one: replace(one, grant=replace(one.grant, ttl=one.grant.ttl + 1)),
    "one service more": lambda one: replace(one, grant=replace(one.grant, services=one.grant.services * 2)),
    "not signed": lambda one: replace(one, signed_by=None),
    "issued later": lambda one: replace(one, issued_at=ISSUANCE.issued_at + 1),
    "ending later": lambda one: replace(one, expires_at=ISSUANCE.issued_at + 3601),
    "something hidden": lambda one: replace(one, hidden=frozenset({"user"})),
    "unreadable": _raise,
}


@pytest.mark.parametrize("lie", _LIES.values(), ids=_LIES)
async def test_a_token_that_says_something_else_is_not_released(lie: Callable[[Reading], Reading]) -> None:
    journal = _Journal()
    api_error = await _error_response(app(rule(), built=_told(journal, lie)), Issue((_OK,)), journal.interfaces)
    assert (api_error.code, api_error.status, api_error.sentence) == (Code.INTERNAL, 500, "the token was not released")
    assert (api_error.operator or "").startswith("backend of rtm: the token")
    ((decision,),) = journal.decisions
    assert (decision.token_sha256, decision.api_error) == (None, api_error)


class _DenyList:
    """Denies one user, and records what it was called with."""

    def __init__(self, denied: str) -> None:
        self.calls: list[tuple[str, Caller, frozenset[str]]] = []
        self._denied = denied

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        self.calls.append((app, caller, reach.users))
        return f"{self._denied} is denied" if self._denied in reach.users else None


async def test_explain_says_what_the_deny_list_denies() -> None:
    deny_list = _DenyList("ann")
    interfaces = Interfaces(deny=deny_list)
    route = _route(rule(user="ann"), rule(kinds=["rtm"], name="second"))
    for token_request, denied, user in ((_OK, "ann is denied", "ann"), (_ELSEWHERE, None, "bob")):
        (without,) = await answer(route, Explain(token_request), _NOBODY, [ISSUANCE])
        (outcome,) = await answer(route, Explain(token_request), _NOBODY, [ISSUANCE], interfaces)
        assert isinstance(outcome, Explanation)
        assert isinstance(without, Explanation)
        api_error = outcome.api_error
        assert (None if api_error is None else (api_error.code, api_error.sentence)) == (
            None if denied is None else (Code.NOT_PERMITTED, denied)
        )
        assert replace(outcome, api_error=None) == without
        assert deny_list.calls.pop() == ("demo", CALLER, frozenset((user,)))
    (outcome,) = await answer(_route(), Explain(_OK), _NOBODY, [ISSUANCE], interfaces)
    assert isinstance(outcome, Explanation)
    assert outcome.api_error is not None
    assert outcome.api_error.sentence.startswith("no rule of this caller permits this")
    assert deny_list.calls == []
    unnamed = TokenRequest("rtm", {}, names={"user": "member"})
    (outcome,) = await answer(_route(rule(kinds=["rtm"])), Explain(unnamed), _NOBODY, [ISSUANCE], interfaces)
    assert isinstance(outcome, Explanation)
    assert outcome.api_error is not None
    assert outcome.api_error.field == "member"


async def test_who_is_denied_gets_no_token_whatever_the_rules_say() -> None:
    journal = _Journal(denied="ann is shut out until noon")
    api_error = await _error_response(app(rule(), built=_told(journal)), Issue((_OK,)), journal.interfaces)
    assert (api_error.code, api_error.sentence) == (Code.NOT_PERMITTED, "ann is shut out until noon")
    assert journal.lines == ["deny?", "audit"]
    ((decision,),) = journal.decisions
    assert decision.grant is not None
    assert decision.grant.services[0].user == "ann"
    assert await issue(app(rule()), _TERMS, CALLER, Issue((_ELSEWHERE,)), [ISSUANCE], journal.interfaces)


async def test_the_deny_list_is_not_asked_about_what_no_rule_permits() -> None:
    journal = _Journal()
    await _error_response(app(), Issue((_OK,)), journal.interfaces)
    assert journal.lines == ["audit"]


async def test_a_batch_answers_each_ask_in_order_and_writes_them_down_at_once() -> None:
    journal = _Journal()
    malformed = ApiError(Code.INVALID_FIELD, "is missing", "kind")
    wanted = Issue((_OK, malformed, _ELSEWHERE, _BAD, _OK), batch=True)
    outcomes = await issue(app(rule(user="ann")), _TERMS, CALLER, wanted, [ISSUANCE] * 5, journal.interfaces)
    codes = [one.code if isinstance(one, ApiError) else None for one in outcomes]
    assert codes == [None, Code.INVALID_FIELD, Code.NOT_PERMITTED, Code.UNKNOWN_FIELD, None]
    assert outcomes[1] is malformed
    (decisions,) = journal.decisions
    assert [one.token_request for one in decisions] == [_OK, _ELSEWHERE, _BAD, _OK]
    digests = [hashlib.sha256(one.token.encode()).hexdigest() if isinstance(one, Issued) else None for one in outcomes]
    assert [one.token_sha256 for one in decisions] == [digests[0], None, None, digests[4]]


async def test_the_audit_says_what_a_request_that_no_rule_permits_would_have_got_by_the_first() -> None:
    journal = _Journal()
    of = app(rule("other", max_ttl=60), rule("another", max_ttl=120))
    await issue(of, _TERMS, CALLER, Issue((rtc(),), batch=True), [ISSUANCE], journal.interfaces)
    ((decision,),) = journal.decisions
    assert decision.api_error is not None
    assert decision.grant is not None
    assert (decision.grant.ttl, decision.grant.services[0].channel) == (60, "room")


async def test_the_audit_says_nothing_of_a_request_for_a_kind_that_the_app_does_not_have() -> None:
    journal = _Journal()
    unknown = TokenRequest("turn", {"user": "ann"})
    await issue(app(rule()), _TERMS, CALLER, Issue((unknown, _OK), batch=True), [ISSUANCE] * 2, journal.interfaces)
    (decisions,) = journal.decisions
    assert [decision.token_request for decision in decisions] == [None, _OK]


async def test_two_tokens_of_one_answer_are_all_or_nothing() -> None:
    journal = _Journal()
    api_error = await _error_response(app(rule(user="ann")), Issue((_OK, _ELSEWHERE)), journal.interfaces)
    assert api_error.code is Code.NOT_PERMITTED
    assert api_error.sentence.endswith(f" (kind {_ELSEWHERE.kind})"), "the client must know which of its tokens failed"
    (decisions,) = journal.decisions
    assert [one.token_sha256 for one in decisions] == [None], "a token that is not released is not written down as one"


async def test_a_refusal_among_the_asks_of_one_answer_refuses_all_and_is_no_decision() -> None:
    malformed = ApiError(Code.INVALID_FIELD, "is missing", "kind")
    for token_requests in ((malformed,), (_OK, malformed)):
        journal = _Journal()
        assert await _error_response(app(rule()), Issue(token_requests), journal.interfaces) is malformed
        assert [one for several in journal.decisions for one in several] == []


async def test_each_token_has_its_own_salt_and_all_one_time() -> None:
    issuances = [Issuance(ISSUANCE.issued_at, salt) for salt in (1, 2)]
    one, two = await issue(app(rule()), _TERMS, CALLER, Issue((_OK, _OK), batch=True), issuances)
    assert isinstance(one, Issued)
    assert isinstance(two, Issued)
    assert one.token != two.token
    assert (one.issued_at, one.grant) == (two.issued_at, two.grant)


async def test_a_stamp_for_each_ask() -> None:
    with pytest.raises(ValueError, match="zip"):
        await issue(app(rule()), _TERMS, CALLER, Issue((_OK, _OK)), [ISSUANCE])


async def test_times_come_from_the_stamp_and_the_grant() -> None:
    (issued,) = await issue(app(rule()), _TERMS, CALLER, Issue((rtc(ttl=600),)), [ISSUANCE])
    assert isinstance(issued, Issued)
    assert (issued.issued_at, issued.expires_at, issued.renew_at) == (
        ISSUANCE.issued_at,
        ISSUANCE.issued_at + 600,
        ISSUANCE.issued_at + 570,
    )


async def test_a_request_is_identified_first_and_the_caller_decides_what_it_may() -> None:
    route = _route(rule())
    for parsed, made in ((Issue((_OK,)), Issued), (Explain(_OK), Explanation)):
        (outcome,) = await answer(route, parsed, _NOBODY, [ISSUANCE])
        assert isinstance(outcome, made)
    token = backends()["rtm"].mint(Grant(route.app.app_id, "007", 60, ()), ISSUANCE).token
    (outcome,) = await answer(route, Inspect(token), _NOBODY, [ISSUANCE])
    assert isinstance(outcome, Inspection)
    for wanted in (Issue((_OK,)), Explain(_OK), Inspect(token)):
        with pytest.raises(ApiError) as caught:
            await answer(route, wanted, read_credentials((), {"x-api-key": ("unknown",)}), [ISSUANCE])
        assert caught.value.code is Code.CREDENTIAL_INVALID


async def test_no_credentials_no_certificate_no_secret_in_any_outcome() -> None:
    (issued,) = await issue(app(rule()), _TERMS, CALLER, Issue((_OK,)), [ISSUANCE])
    certificate = CREDENTIALS.certificates["primary"].reveal()
    assert not any(certificate[at : at + 8] in repr(issued) for at in range(len(certificate) - 7))
