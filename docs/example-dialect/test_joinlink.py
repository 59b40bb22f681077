from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient
from tokend_joinlink import Options, parse

from tokend import create_app
from tokend.plugins import ApiError, HttpRequest

CONFIG = """
apps:
  demo:
    app_id: "970CA35de60c44645bbae8a215061b33"
    certificate: {env: CERTIFICATE}
    callers: {anybody: {anonymous: true, rules: [{kinds: rtc, channel: lobby, user: "*"}]}}
    routes: [{path: /demo, dialect: joinlink}]
"""


def request(*query: tuple[str, str], publish: bool = False) -> HttpRequest:
    return HttpRequest(
        params={"room": "lobby"},
        query=query,
        body=b"",
        content_type=None,
        options=Options(publish=publish),
        now=1_800_000_000,
    )


@pytest.mark.parametrize(("publish", "role"), [(False, "subscriber"), (True, "publisher")])
def test_the_request_is_one_for_a_token(publish: bool, role: str) -> None:
    (wanted,) = parse(request(("user", "7"), publish=publish)).token_requests
    assert not isinstance(wanted, ApiError)
    assert wanted.fields == {"channel": "lobby", "uid": 7, "role": role}


@pytest.mark.parametrize("query", [(), (("user", "ann"),), (("user", "7"), ("user", "8"))])
def test_what_the_api_does_not_know_is_an_error(query: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ApiError):
        parse(request(*query))


async def test_the_answers_over_http(aiohttp_client: AiohttpClient, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    environ = {"CERTIFICATE": "5CFd2fd1755d40ecb72977518be15d3b"}
    client = await aiohttp_client(create_app(tmp_path / "config.yaml", environ=environ))

    response = await client.get("/demo/join/lobby?user=7")
    assert response.status == 200
    assert (await response.json()).keys() == {"access", "until"}

    response = await client.get("/demo/join/other?user=7")
    assert response.status == 403
    assert (await response.json()).keys() == {"why", "request"}
