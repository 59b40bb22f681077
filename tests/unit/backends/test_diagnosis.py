"""The diagnosis of a backend that adds none of its own: expiry, signature, service, channel and user in neutral words."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from tokend.backends.contract import Backend, Diagnosis, Join, Minted, NoOptions, Reading, VendorAnswers
from tokend.core.model import ANY, AppCredentials, Grant, Issuance, Service

_NOW: Final = 1_700_000_000
_UNKNOWN: Final = Join()


class _Plain(Backend):
    Fields = NoOptions

    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        raise NotImplementedError

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        raise NotImplementedError

    def read(self, token: str) -> Reading:
        raise NotImplementedError


_READING: Final = Reading(
    Grant(None, "plain", 600, (Service("video", "ann", "lobby", {"join": 600}),)), "secret", _NOW, _NOW + 600
)


def _diagnose(reading: Reading, join: Join = _UNKNOWN, now: int = _NOW + 1) -> Diagnosis:
    return _Plain(NoOptions(), AppCredentials(None, {})).diagnose(reading, join, now)


def test_a_token_that_fits_has_no_problem() -> None:
    assert _diagnose(_READING) == Diagnosis(())
    assert _diagnose(_READING, Join("lobby", "ann", "video")) == Diagnosis(())


@pytest.mark.parametrize(
    ("join", "problem"),
    [
        (Join(channel="stage"), 'Its channel is "lobby", but the client joins with "stage".'),
        (Join(user="bob"), 'Its user is "ann", but the client joins with "bob".'),
        (Join(product="chat"), "It has no service chat."),
    ],
)
def test_a_join_that_does_not_fit_is_a_problem(join: Join, problem: str) -> None:
    assert _diagnose(_READING, join).problems == (problem,)


def test_wildcards_fit_every_join() -> None:
    grant = replace(_READING.grant, services=(Service("video", ANY, "lob*", {}),))
    assert _diagnose(replace(_READING, grant=grant), Join("stage", "bob")).problems == ()


def test_time_and_signature_are_checked() -> None:
    assert _diagnose(_READING, now=_NOW + 4200).problems == ("It expired 1 hour ago.",)
    assert _diagnose(_READING, now=_NOW - 120).problems == ("It is issued 2 minutes in the future: a clock is wrong.",)
    assert _diagnose(replace(_READING, signed_by=None)).problems == ("No secret of this app signed it.",)
    assert _diagnose(replace(_READING, signed_by=None, hidden=frozenset({"signed_by"}))).problems == ()


class _Answering(_Plain):
    answers = VendorAnswers(unsigned="forged", early="early", expired="late", other="denied")


class _Brief(_Plain):
    answers = VendorAnswers(other="denied")


@pytest.mark.parametrize(
    ("reading", "join", "now", "answer"),
    [
        (replace(_READING, signed_by=None), _UNKNOWN, _NOW + 600, "forged"),
        (_READING, _UNKNOWN, _NOW - 61, "early"),
        (_READING, Join(channel="stage"), _NOW + 600, "late"),
        (_READING, Join(channel="stage"), _NOW, "denied"),
    ],
)
def test_a_diagnosis_ends_with_the_first_answer_of_the_vendor_that_applies(
    reading: Reading, join: Join, now: int, answer: str
) -> None:
    usual = _diagnose(reading, join, now)
    backend = _Answering(NoOptions(), AppCredentials(None, {}))
    assert backend.diagnose(reading, join, now) == Diagnosis((*usual.problems, answer))
    assert backend.diagnose(_READING, _UNKNOWN, _NOW) == Diagnosis(())


def test_an_answer_for_any_other_problem_counts_where_the_vendor_has_none_for_this_one() -> None:
    backend = _Brief(NoOptions(), AppCredentials(None, {}))
    assert backend.diagnose(_READING, _UNKNOWN, _NOW + 600).problems[1:] == ("denied",)
