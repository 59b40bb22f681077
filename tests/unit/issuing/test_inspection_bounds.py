"""A hostile token with times of thousands of digits is a bad request, not an error of the server."""

from typing import ClassVar, Final

import pytest

from tokend.core.errors import ApiError, Code
from tokend.core.model import AppCredentials
from tokend.dialects.contract import Inspect
from tokend.issuing.inspection import inspect
from tokend.plugins import (
    LISTEN,
    Backend,
    Grant,
    Issuance,
    Minted,
    NoOptions,
    Reading,
    Service,
    ServiceShape,
    StrictModel,
)

_LAST: Final = 253_402_300_799
_HUGE: Final = 10**4299


class _Times(Backend):
    """Reads `<issue time> <ttl> <seconds of the privilege>` without looking at the numbers."""

    Fields: ClassVar[type[StrictModel]] = NoOptions
    services: ClassVar = {"plain": ServiceShape()}
    privileges: ClassVar = {"join": LISTEN}

    def grant(self, fields: NoOptions, ttl: int, user: str | None = None) -> Grant:
        raise NotImplementedError

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        raise NotImplementedError

    def read(self, token: str) -> Reading:
        issued_at, ttl, seconds = map(int, token.split())
        grant = Grant(None, "plain", ttl, (Service("plain", "ann", "lobby", {"join": seconds}),))
        return Reading(grant, None, issued_at, issued_at + ttl)


def _inspected(*numbers: int) -> None:
    inspect([_Times(NoOptions(), AppCredentials(None, {}))], Inspect(" ".join(map(str, numbers))), 0)


@pytest.mark.parametrize(
    "numbers",
    [(_HUGE, 1, 1), (-_HUGE, 1, 1), (0, _HUGE, 1), (0, 1, _HUGE), (0, 1, -_HUGE), (_LAST, 1, 1), (0, _LAST + 1, 1)],
)
def test_times_out_of_range_make_a_token_unreadable(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ApiError, match="its times are out of range") as caught:
        _inspected(*numbers)
    assert caught.value.code == Code.INVALID_FIELD


def test_the_last_time_can_be_read() -> None:
    _inspected(0, _LAST, _LAST)
