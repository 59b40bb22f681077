"""What P18 says of memory: the slope by least squares, and how sure it is."""

import pytest

from tests.long.months_of_requests import slope_of


def test_a_line_has_its_slope_and_no_error() -> None:
    assert list(slope_of([0, 10, 20, 30], [100, 105, 110, 115])) == pytest.approx([0.5, 0.0])


def test_noise_is_an_error_and_no_slope() -> None:
    """By hand: the residuals are 1, -1, -1, 1, the requests' squares sum to 5, so sqrt(4 / 2 / 5)."""
    assert list(slope_of([0, 1, 2, 3], [101, 99, 99, 101])) == pytest.approx([0.0, 0.4**0.5])
