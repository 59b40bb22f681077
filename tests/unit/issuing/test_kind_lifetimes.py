"""A lifetime stays within the maximum of its kind, whatever the app allows, and the error names it."""

from typing import ClassVar, Final

import pytest

from tests.unit.issuing.making import CREDENTIALS, app, permitted, refused, route_options, rtc, rule, ttl_bounds
from tokend.backends.agora.rtc import Rtc
from tokend.backends.agora.rtm import Rtm
from tokend.backends.contract import NoOptions
from tokend.core.errors import Code
from tokend.core.model import TokenRequest
from tokend.issuing.configuration import App
from tokend.issuing.policy import operator_grant

_DAY: Final = 86_400
_LONG: Final = ttl_bounds(default=7 * _DAY, min=60, max=30 * _DAY)


class _Unlimited(Rtm):
    max_ttl: ClassVar[int | None] = None


def _app() -> App:
    built = {"rtc": Rtc(NoOptions(), CREDENTIALS), "rtm": _Unlimited(NoOptions(), CREDENTIALS)}
    return app(rule(kinds=("rtc", "rtm")), built=built)


def _rtm(ttl: int | None = None) -> TokenRequest:
    return TokenRequest("rtm", {"user": "ann"}, ttl)


def test_a_kind_without_maximum_has_that_of_the_route() -> None:
    options = route_options(_LONG)
    assert permitted(_app(), _rtm(30 * _DAY), options=options).grant.ttl == 30 * _DAY
    assert permitted(_app(), _rtm(), options=options).grant.ttl == 7 * _DAY
    assert refused(_app(), _rtm(30 * _DAY + 1), options=options).sentence == f"must be 60 to {30 * _DAY} seconds"


@pytest.mark.parametrize("ttl", [_DAY + 1, 30 * _DAY, 30 * _DAY + 1])
def test_a_lifetime_over_that_of_the_kind_is_refused_or_clamped(ttl: int) -> None:
    error = refused(_app(), rtc(ttl=ttl), options=route_options(_LONG))
    assert (error.code, error.field) == (Code.TTL_OUT_OF_RANGE, "ttl")
    assert error.sentence == f"must be 60 to {_DAY} seconds, the maximum of kind rtc"
    clamped = permitted(_app(), rtc(ttl=ttl), options=route_options(_LONG, clamp=True))
    assert (clamped.grant.ttl, clamped.clamped_from) == (_DAY, ttl)


def test_the_default_is_reduced_to_the_maximum_of_the_kind() -> None:
    permit = permitted(_app(), rtc(), options=route_options(_LONG))
    assert (permit.grant.ttl, permit.clamped_from) == (_DAY, None)


def test_the_operator_is_held_to_it_too() -> None:
    permit = operator_grant(_app(), route_options(_LONG, clamp=True), rtc(ttl=2 * _DAY))
    assert (permit.grant.ttl, permit.clamped_from) == (_DAY, 2 * _DAY)
    assert operator_grant(_app(), route_options(_LONG), rtc()).grant.ttl == _DAY


@pytest.mark.parametrize(("kind_max", "longest"), [(None, 3600), (600, 600), (3600, 3600), (_DAY, 3600)])
def test_the_longest_lifetime_is_the_lower_of_route_and_kind(kind_max: int | None, longest: int) -> None:
    assert ttl_bounds(600, 60, 3600).longest(kind_max) == longest
