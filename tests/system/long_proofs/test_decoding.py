"""P4's script on a few asks: it finds nothing where there is nothing, and what is wrong where something is."""

import pytest

from tests.long.independent_decoding import SERIES, Part, compared, different_006, different_007, tokens
from tests.oracle import Vendor


@pytest.mark.parametrize(("kind", "version"), SERIES)
def test_nothing_is_different(kind: str, version: str, vendor: Vendor) -> None:
    assert compared(Part(kind, version, seed=1, token_requests=60)) == (60, [])


@pytest.mark.parametrize(
    "change",
    [{"ttl": 59}, {"certificate": "0" * 32}, {"services": [{"type": 2, "user_id": "eve", "privileges": {"1": 60}}]}],
)
def test_another_token_than_was_asked_for_is_found(change: dict[str, object], vendor: Vendor) -> None:
    made = tokens(Part("rtm", "007", seed=1, token_requests=1))
    asked = [next(made) for _ in range(3)]
    assert len(different_007(vendor, [asked[0], asked[1]._replace(**change), asked[2]])) == 1  # type: ignore[arg-type]


def test_another_006_token_than_was_asked_for_is_found(vendor: Vendor) -> None:
    made = tokens(Part("rtc", "006", seed=1, token_requests=1))
    first, second = next(made), next(made)
    assert len(different_006(vendor, [first, second._replace(token=first.token)])) == 1
