"""Where the limits stand in the issuer: after the rules, once a request, before the deny list, the minting and the audit."""

from collections.abc import Sequence
from typing import Final

import pytest
from msgspec.structs import replace

from tests.unit.issuing.making import CALLER, ISSUANCE, app, route_options, rtc, rule
from tokend.auth.anonymous import Anonymous, AnonymousOptions
from tokend.auth.authenticator import Authenticator, read_credentials
from tokend.auth.contract import AppContext
from tokend.core.authorizer import AuthorizerSettings, Question
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller, Decision, Issued, Restriction, TokenRequest
from tokend.core.rate_limits import BucketGroup, Excess, Limit, Limits
from tokend.core.reach import Reach
from tokend.core.secrets import Secret
from tokend.dialects.contract import Explain, Issue
from tokend.issuing.app_options import AppOptions
from tokend.issuing.configuration import Route
from tokend.issuing.issuer import answer, issue

ONE: Final = Limit(1, 1, 1)
EVERY: Final = Limits(app=ONE, caller=ONE, user=ONE, address=ONE)
ANN, BOB, BAD = (
    TokenRequest("rtm", {"user": "ann"}),
    TokenRequest("rtm", {"user": "bob"}),
    TokenRequest("rtm", {"usr": "ann"}),
)
ASKED = AuthorizerSettings.model_construct(url="https://backend.example.com", secret=Secret("s"))
APP = replace(app(rule(capabilities=["wildcard_user"])), options=AppOptions(limits=EVERY, authorizer=ASKED))


class Journal:
    """A limiter, a deny list and an audit that write down what they are asked."""

    def __init__(self, *waits: float | None) -> None:
        self.lines: list[str] = []
        self.groups: list[list[str]] = []
        self.audited: list[Decision] = []
        self._answers = [None if wait is None else Excess(("app:demo", ONE), wait) for wait in waits]

    @property
    def interfaces(self) -> Interfaces:
        return Interfaces(audit=self, deny=self, limiter=self, authorizer=self)

    async def take(self, groups: Sequence[BucketGroup]) -> list[Excess | None]:
        self.lines.append("take")
        self.groups = [[name for name, _ in group] for group in groups]
        return self._answers or [None] * len(groups)

    async def denies(self, app: str, caller: Caller, reach: Reach) -> str | None:
        self.lines.append(f"deny? {min(reach.users)}")
        return None

    async def authorize(
        self, settings: AuthorizerSettings, questions: Sequence[Question], request_id: str
    ) -> Sequence[Restriction | ApiError | None]:
        self.lines += [f"authorizer? {one.users[0]}" for one in questions]
        return [None] * len(questions)

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        self.lines.append("audit")
        self.audited += decisions

    def healthy(self) -> bool:
        return True


async def outcomes(
    journal: Journal, *token_requests: TokenRequest | ApiError, batch: bool = True
) -> list[Issued | ApiError]:
    issuances = [ISSUANCE] * len(token_requests)
    return await issue(
        APP, route_options(), CALLER, Issue(token_requests, batch), issuances, journal.interfaces, address="192.0.2.7"
    )


def shared(*users: str) -> list[str]:
    return ["app:demo", "caller:demo:web", "address:demo:192.0.2.7", *(f"user:demo:{user}" for user in users)]


async def test_a_request_takes_once_and_before_all_else() -> None:
    journal = Journal()
    await outcomes(journal, ANN, BOB)
    denied = ["deny? ann", "deny? bob"]
    assert journal.lines == ["take", *denied, "authorizer? ann", "authorizer? bob", *denied, "audit"]
    assert journal.groups == [shared("ann"), shared("bob")]


async def test_what_is_refused_counts_for_no_user() -> None:
    journal = Journal()
    malformed = ApiError(Code.INVALID_FIELD, "is missing", "kind")
    await outcomes(journal, BAD, malformed, ANN, rtc(uid=0), rtc("*"))
    assert journal.groups == [shared(), shared(), shared("ann"), shared("*"), shared()]


async def test_the_asks_of_one_answer_count_as_one() -> None:
    for token_requests, users in (
        ((ANN, BOB), ("ann", "bob")),
        ((ANN, rtc(uid=0)), ("*", "ann")),
        ((ANN, ANN), ("ann",)),
    ):
        journal = Journal()
        await outcomes(journal, *token_requests, batch=False)
        assert journal.groups == [shared(*users)]
    journal = Journal()
    with pytest.raises(ApiError):
        await outcomes(journal, ANN, BAD, batch=False)
    assert journal.groups == [shared()]


async def test_a_limited_ask_is_neither_held_against_the_deny_list_nor_minted_but_written_down() -> None:
    journal = Journal(None, 2.5, None)
    first, limited, bad = await outcomes(journal, ANN, BOB, BAD)
    assert journal.lines == ["take", "deny? ann", "authorizer? ann", "deny? ann", "audit"]
    assert isinstance(first, Issued)
    assert isinstance(limited, ApiError)
    assert (limited.code, limited.status, limited.retry_after) == (Code.RATE_LIMITED, 429, 2.5)
    assert isinstance(bad, ApiError)
    assert [one.api_error for one in journal.audited] == [None, limited, bad]
    assert [one.grant and one.grant.services[0].user for one in journal.audited] == ["ann", "bob", None]


async def test_a_limiter_that_leaves_a_request_out_lets_none_pass() -> None:
    journal = Journal(None)
    with pytest.raises(ValueError, match="zip"):
        await outcomes(journal, ANN, BOB)
    assert journal.lines == ["take"]


async def test_what_the_rules_refuse_may_be_limited_too() -> None:
    """Else guessing would be free."""
    (limited,) = await outcomes(Journal(9.0), BAD)
    assert isinstance(limited, ApiError)
    assert limited.code is Code.RATE_LIMITED


async def test_a_flood_of_refused_credentials_is_limited_before_it_fills_the_audit() -> None:
    journal = Journal(9.0)
    route = Route(APP, route_options(), (), Authenticator([]), ())
    with pytest.raises(ApiError) as caught:
        await answer(
            route,
            Issue((ANN,)),
            read_credentials((), {"x-api-key": ("wrong",)}),
            [ISSUANCE],
            journal.interfaces,
            address="192.0.2.7",
        )
    assert caught.value.code is Code.RATE_LIMITED
    assert journal.groups == [["app:demo", "address:demo:192.0.2.7"]]
    assert journal.audited == []


async def test_limits_that_cannot_be_checked_refuse_the_whole_request() -> None:
    class Lost(Journal):
        async def take(self, groups: Sequence[BucketGroup]) -> list[Excess | None]:
            raise ApiError(Code.UNAVAILABLE, "the rate limits cannot be checked")

    journal = Lost()
    with pytest.raises(ApiError) as caught:
        await outcomes(journal, ANN, BOB)
    assert caught.value.status == 503
    assert journal.lines == []


async def test_explain_counts_for_the_caller_and_the_address() -> None:
    anonymous = Authenticator([Anonymous(AppContext("demo"), {"web": AnonymousOptions(True)})])
    route, journal = Route(APP, route_options(), (), anonymous, ("web",)), Journal()
    await answer(route, Explain(ANN), read_credentials(()), [ISSUANCE], journal.interfaces, address="192.0.2.7")
    assert (journal.lines, journal.groups) == (["take", "deny? ann"], [shared()])
