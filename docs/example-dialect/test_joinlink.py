import pytest
from tokend_joinlink import Options, parse

from tokend.plugins import ApiError, HttpRequest


def request(*query: tuple[str, str], publish: bool = False) -> HttpRequest:
    return HttpRequest({"room": "lobby"}, query, b"", None, Options(publish=publish), 1_800_000_000)


@pytest.mark.parametrize(("publish", "role"), [(False, "subscriber"), (True, "publisher")])
def test_the_request_is_one_for_a_token(publish: bool, role: str) -> None:
    (wanted,) = parse(request(("user", "7"), publish=publish)).token_requests
    assert not isinstance(wanted, ApiError)
    assert wanted.fields == {"channel": "lobby", "uid": 7, "role": role}


@pytest.mark.parametrize("query", [(), (("user", "ann"),), (("user", "7"), ("user", "8"))])
def test_what_the_api_does_not_know_is_an_error(query: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ApiError):
        parse(request(*query))
