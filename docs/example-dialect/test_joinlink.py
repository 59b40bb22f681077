import pytest
from tokend_joinlink import parse

from tokend.plugins import ApiError, HttpRequest, Settings


def request(*query: tuple[str, str]) -> HttpRequest:
    return HttpRequest({"room": "lobby"}, query, b"", None, Settings(), 1_800_000_000)


def test_the_request_is_one_for_a_token() -> None:
    (wanted,) = parse(request(("user", "7"))).token_requests
    assert not isinstance(wanted, ApiError)
    assert wanted.fields == {"channel": "lobby", "uid": 7, "role": "subscriber"}


@pytest.mark.parametrize("query", [(), (("user", "ann"),), (("user", "7"), ("user", "8"))])
def test_what_the_api_does_not_know_is_an_error(query: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ApiError):
        parse(request(*query))
