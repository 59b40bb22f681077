"""The test of the suite: a backend that breaks one promise fails the test that holds it, and a whole one passes."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest
from msgspec.structs import replace

from tokend.backends.agora.rtm import Rtm, RtmFields
from tokend.backends.contract import Mismatch
from tokend.plugins import ApiError, Backend, Code, Grant, Issuance, Minted, NoOptions, Reading, StrictModel, Unreadable
from tokend.testing.backends import CERTIFICATE, BackendConformance


class _LaxFields(RtmFields, extra="allow"):
    pass


class _TakingFields(RtmFields):
    kind: str | None = None


class _LaxShape(Rtm):
    Fields: ClassVar[type[StrictModel]] = _LaxFields


class _TakesTheAnswersField(Rtm):
    Fields: ClassVar[type[StrictModel]] = _TakingFields


class _Shortens(Rtm):
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        return super().grant(fields, min(ttl, 3600), user)


class _ForAnotherApp(Rtm):
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        return replace(super().grant(fields, ttl, user), app_id="0" * 32)


class _Outlasts(Rtm):
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        grant = super().grant(fields, ttl, user)
        (one,) = grant.services
        return replace(grant, services=(replace(one, privileges={"login": ttl + 1}),))


class _EndsAtOnce(_Outlasts):
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        grant = super().grant(fields, ttl, user)
        return replace(grant, services=(replace(grant.services[0], privileges={"login": 0}),))


class _ToNobody(Rtm):
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        return super().grant(fields, ttl, user or "nobody")


class _IgnoresTheAsk(Rtm):
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        return super().grant(RtmFields.model_validate({"user": user}) if user else fields, ttl)


class _RefusesWith403(Rtm):
    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        if fields.user is None and user is None:
            raise ApiError(Code.NOT_PERMITTED, "no")
        return super().grant(fields, ttl, user)


class _ReadsAClock(Rtm):
    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        return super().mint(grant, Issuance(issuance.issued_at, time.perf_counter_ns() % 99_999_999))


class _OneTokenForAll(Rtm):
    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        return super().mint(replace(grant, services=()), issuance)


class _VerifiesAnything(Rtm):
    def verify(self, minted: Minted, grant: Grant, issuance: Issuance) -> Mismatch | None:
        return None


class _SignsAnything(Rtm):
    def read(self, token: str) -> Reading:
        return replace(super().read(token), signed_by="primary")


class _Chokes(Rtm):
    def read(self, token: str) -> Reading:
        token.encode("ascii")
        return super().read(token)


class _ReadsAnythingAsOurs(Rtm):
    def read(self, token: str) -> Reading:
        try:
            return super().read(token)
        except Unreadable:
            return Reading(Grant(None, "007", 1, ()), "primary", 0, 1)


class _Minting(Rtm):
    renew: ClassVar[int | None] = None
    extra: ClassVar[Mapping[str, object]] = {}

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        minted = super().mint(grant, issuance)
        return replace(minted, renew_after=minted.renew_after if self.renew is None else self.renew, extra=self.extra)


class _RenewsTooLate(_Minting):
    renew = 86_401


class _RenewsAtOnce(_Minting):
    renew = 0


class _ExtraIsToken(_Minting):
    extra: ClassVar = {"token": "x"}


class _ExtraIsAField(_Minting):
    extra: ClassVar = {"channel": "x"}


class _ExtraIsNoData(_Minting):
    extra: ClassVar = {"at": {1, 2}}


class _Leaks(_Minting):
    extra: ClassVar = {"hint": CERTIFICATE[3:11]}


class _LeaksWhatItCompared(Rtm):
    def read(self, token: str) -> Reading:
        try:
            return super().read(token)
        except Unreadable as reason:
            raise Unreadable(f"{reason}, not signed with {CERTIFICATE}") from reason


_SABOTEURS: Final[Mapping[type[Backend], str]] = {
    _LaxShape: "test_an_unknown_field_is_refused",
    _TakesTheAnswersField: "test_fields_do_not_overwrite_the_answer",
    _Shortens: "test_every_grant_keeps_to_the_declarations",
    _ForAnotherApp: "test_every_grant_keeps_to_the_declarations",
    _Outlasts: "test_every_grant_keeps_to_the_declarations",
    _EndsAtOnce: "test_every_grant_keeps_to_the_declarations",
    _ToNobody: "test_a_user_is_filled_in_where_none_is_named",
    _RefusesWith403: "test_a_user_is_filled_in_where_none_is_named",
    _IgnoresTheAsk: "test_a_named_user_is_not_replaced",
    _ReadsAClock: "test_the_same_grant_and_issuance_give_the_same_token",
    _OneTokenForAll: "test_other_grants_and_issuances_give_other_tokens",
    _VerifiesAnything: "test_verify_fails_for_another_grant_or_issuance",
    _SignsAnything: "test_verify_fails_for_another_apps_secret",
    _Chokes: "test_junk_is_unreadable_and_nothing_worse",
    _ReadsAnythingAsOurs: "test_no_changed_token_passes",
    _RenewsTooLate: "test_what_is_minted_keeps_to_the_contract",
    _RenewsAtOnce: "test_what_is_minted_keeps_to_the_contract",
    _ExtraIsToken: "test_what_is_minted_keeps_to_the_contract",
    _ExtraIsAField: "test_what_is_minted_keeps_to_the_contract",
    _ExtraIsNoData: "test_extra_is_plain_data",
    _Leaks: "test_no_piece_of_a_secret_shows",
    _LeaksWhatItCompared: "test_no_piece_of_a_secret_shows",
}


def _suite(kind: type[Backend]) -> BackendConformance:
    told: dict[str, object] = {
        "token_requests": ({"user": "ann"}, {"user": "bob"}),
        "unnamed": ({},),
        "refused": ({"user": " "},),
    }
    made: BackendConformance = type("Suite", (BackendConformance,), {"backend": kind, **told})()
    return made


@pytest.mark.parametrize(("saboteur", "test"), _SABOTEURS.items(), ids=[one.__name__ for one in _SABOTEURS])
def test_a_broken_promise_is_seen(saboteur: type[Backend], test: str) -> None:
    getattr(_suite(Rtm), test)()
    with pytest.raises((AssertionError, TypeError, UnicodeEncodeError)):
        getattr(_suite(saboteur), test)()


def test_lax_shapes_are_seen() -> None:
    with pytest.raises(AssertionError):
        _suite(_LaxShape).test_fields_and_options_are_strict_shapes()


def test_what_must_be_refused_and_is_not_is_seen() -> None:
    suite = _suite(Rtm)
    type(suite).refused = ({"user": "ann"},)
    with pytest.raises(AssertionError, match="granted"):
        suite.test_what_must_be_refused_is_refused()


class _ListsUsers(Rtm):
    """The options of another backend list its users; bob is none of them, and eve has a privilege that is none."""

    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        if fields.user == "bob":
            raise ApiError(Code.NOT_PERMITTED, "is not listed", "user")
        grant = super().grant(fields, ttl, user)
        if fields.user == "eve":
            return replace(grant, services=(replace(grant.services[0], privileges={"undeclared": ttl}),))
        return grant


def test_what_the_options_do_not_list_may_be_refused_with_403() -> None:
    suite = _suite(_ListsUsers)
    type(suite).refused = ({"user": "bob"}, {"user": "eve"})
    suite.test_what_must_be_refused_is_refused()


def test_a_suite_without_asks_says_what_to_set() -> None:
    with pytest.raises(AssertionError, match="set `token_requests`"):
        type(
            "Suite", (BackendConformance,), {"backend": Rtm, "options": NoOptions().model_dump()}
        )().test_what_is_minted_keeps_to_the_contract()
